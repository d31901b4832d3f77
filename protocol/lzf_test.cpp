// SPDX-License-Identifier: Apache-2.0
#include "protocol/lzf.h"

#include <gtest/gtest.h>
#include <string>

namespace slotway::protocol {
namespace {

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

}  // namespace
}  // namespace slotway::protocol
