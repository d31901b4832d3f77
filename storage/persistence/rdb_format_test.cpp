// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_format.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "storage/persistence/crc64.h"
#include "storage/persistence/lzf.h"

namespace slotway::storage {
namespace {

TEST(Crc64Test, CheckValue) {
  EXPECT_EQ(Crc64("123456789"), 0xe9c6d914c4b8d9caULL);
  EXPECT_EQ(Crc64(""), 0u);
}

TEST(Crc64Test, GoesOnWhereItStopped) {
  const std::string text = "a text of some thirty characters";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Crc64(text.substr(cut), Crc64(text.substr(0, cut))), Crc64(text)) << cut;
  }
}

TEST(LzfTest, LiteralsAndOverlappingCopies) {
  // "ab", then 9 bytes from 2 back.
  const std::string compressed(
      "\x01"
      "ab"
      "\xe0\x00\x01",
      6);
  std::string out;
  EXPECT_TRUE(LzfDecompress(compressed, 11, out));
  EXPECT_EQ(out, "abababababa");
  for (std::size_t cut = 0; cut < compressed.size(); ++cut) {
    std::string cut_out;
    EXPECT_FALSE(LzfDecompress(compressed.substr(0, cut), 11, cut_out)) << cut;
  }
  std::string wrong;
  EXPECT_FALSE(LzfDecompress(compressed, 10, wrong));
  EXPECT_FALSE(LzfDecompress(std::string("\x20\x05", 2), 3, wrong));
}

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
