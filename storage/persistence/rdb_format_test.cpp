// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_format.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

namespace slotway::storage {
namespace {

TEST(RdbFormatTest, WhatIsWrittenIsRead) {
  const std::vector<std::string> texts = {"",
                                          "a",
                                          "12",
                                          "-1",
                                          "128",
                                          "-129",
                                          "70000",
                                          "2147483647",
                                          "-2147483648",
                                          "2147483648",
                                          "007",
                                          "99999999999",
                                          std::string(63, 'x'),
                                          std::string(64, 'y'),
                                          std::string(20000, 'z')};
  std::string bytes;
  RdbWriter writer(bytes);
  for (const std::string& text : texts) writer.String(text);
  for (std::uint64_t length : {0ull, 63ull, 64ull, 16383ull, 16384ull, 1ull << 32}) {
    writer.Length(length);
  }
  RdbReader reader(bytes);
  std::string text;
  for (const std::string& expected : texts) {
    reader.String(text);
    EXPECT_EQ(text, expected);
  }
  for (std::uint64_t length : {0ull, 63ull, 64ull, 16383ull, 16384ull, 1ull << 32}) {
    EXPECT_EQ(reader.Length(), length);
  }
  EXPECT_TRUE(reader.Ok());
  EXPECT_TRUE(reader.AtEnd());
}

TEST(RdbFormatTest, CutBytesFail) {
  std::string bytes;
  RdbWriter(bytes).String("hello");
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    RdbReader reader(std::string_view(bytes).substr(0, cut));
    std::string text;
    reader.String(text);
    EXPECT_FALSE(reader.Ok()) << cut;
  }
}

}  // namespace
}  // namespace slotway::storage
