// SPDX-License-Identifier: Apache-2.0
#include "storage/types/bit_string.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace slotway::storage {
namespace {

// Bit by bit.
std::uint64_t CountSlowly(const std::string& bytes, std::uint64_t first, std::uint64_t last) {
  std::uint64_t count = 0;
  for (std::uint64_t at = first; at <= last; ++at) count += BitAt(bytes, at) ? 1 : 0;
  return count;
}

std::optional<std::uint64_t> FindSlowly(const std::string& bytes, bool bit, std::uint64_t first,
                                        std::uint64_t last) {
  for (std::uint64_t at = first; at <= last; ++at) {
    if (BitAt(bytes, at) == bit) return at;
  }
  return std::nullopt;
}

TEST(BitString, TheHighestBitOfAByteIsTheFirst) {
  EXPECT_TRUE(BitAt("\x80", 0));
  EXPECT_FALSE(BitAt("\x80", 1));
  EXPECT_TRUE(BitAt("\x01", 7));
  EXPECT_FALSE(BitAt("\xff", 8));
  EXPECT_EQ(CountBits(""), 0u);
  EXPECT_EQ(CountBits("foobar"), 26u);
}

// Long runs of equal bits with a few others, at every alignment to words.
TEST(BitString, AgreesWithASlowDefinition) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes(1 + random() % 100, random() % 2 == 0 ? '\0' : '\xff');
    for (auto changes = random() % 4; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const std::uint64_t bits = bytes.size() * 8;
    const std::uint64_t first = random() % bits;
    const std::uint64_t last = first + random() % (bits - first);
    ASSERT_EQ(CountBits(bytes), CountSlowly(bytes, 0, bits - 1));
    ASSERT_EQ(CountBits(bytes, first, last), CountSlowly(bytes, first, last));
    for (const bool bit : {false, true}) {
      ASSERT_EQ(FindBit(bytes, bit, first, last), FindSlowly(bytes, bit, first, last))
          << first << " to " << last;
    }
  }
}

}  // namespace
}  // namespace slotway::storage
