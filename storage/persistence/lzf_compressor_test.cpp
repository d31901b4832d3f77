// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/lzf_compressor.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <string>

#include "protocol/lzf.h"

namespace slotway::storage {
namespace {

TEST(LzfCompressorTest, WhatIsCompressedIsShorterAndComesBack) {
  LzfCompressor compressor;
  std::uint64_t random = 1;
  int compressed_texts = 0;
  for (int round = 0; round < 3000; ++round) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    std::string text;
    const std::size_t bytes = (random >> 20) % 20000;
    const unsigned letters = 1 + (random >> 50) % 40;
    for (std::uint64_t i = 0; text.size() < bytes; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      text.append(1 + (random >> 58), static_cast<char>('a' + (random >> 40) % letters));
    }
    std::string compressed = "before";
    if (!compressor.Compress(text, compressed)) {
      EXPECT_EQ(compressed, "before");
      continue;
    }
    ++compressed_texts;
    EXPECT_LE(compressed.size() - 6 + 4, text.size());
    std::string whole;
    ASSERT_TRUE(protocol::LzfDecompress(std::string_view(compressed).substr(6), text.size(), whole));
    ASSERT_EQ(whole, text);
  }
  EXPECT_GT(compressed_texts, 1000);
}

TEST(LzfCompressorTest, WhatDoesNotGetShorterIsLeft) {
  LzfCompressor compressor;
  std::string out;
  for (const char* text : {"", "a", "abcd", "abcdefghijklmnopqrstuvwxyz"}) {
    EXPECT_FALSE(compressor.Compress(text, out));
  }
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace slotway::storage
