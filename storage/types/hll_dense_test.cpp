// SPDX-License-Identifier: Apache-2.0
#include "storage/types/hll_dense.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>

namespace slotway::storage {
namespace {

constexpr std::size_t kPackedBytes = kHllDenseBytes - kHllHeaderBytes;

TEST(HllDense, TheLowestBitsComeFirst) {
  HllRegisters registers{};
  registers[0] = 0x01;
  registers[1] = 0x3f;
  registers[5] = 0x2a;
  std::string packed(kPackedBytes, '\xff');
  HllDensePack(registers, packed);
  EXPECT_EQ(packed.substr(0, 6), std::string("\xc1\x0f\0\x80\x0a\0", 6));
  EXPECT_EQ(HllDenseGet(packed, 1), 0x3f);
  EXPECT_EQ(HllDenseGet(packed, 2), 0);
  EXPECT_EQ(HllDenseGet(packed, 5), 0x2a);
}

TEST(HllDense, AgreesWithAPlainArray) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  HllRegisters expected{};
  std::string packed(kPackedBytes, '\0');
  for (int i = 0; i < 50'000; ++i) {
    const HllPlace place{static_cast<std::uint16_t>(random() % kHllRegisters),
                         static_cast<std::uint8_t>(random() % 64)};
    ASSERT_EQ(HllDenseRaise(packed, place), place.count > expected[place.index]);
    expected[place.index] = std::max(expected[place.index], place.count);
    ASSERT_EQ(HllDenseGet(packed, place.index), expected[place.index]);
  }
  HllRegisters registers;
  HllDenseUnpack(packed, registers);
  ASSERT_EQ(registers, expected);

  HllRegisters others;
  for (std::uint8_t& value : others) value = static_cast<std::uint8_t>(random() % 64);
  HllRegisters merged = others;
  HllDenseMerge(packed, merged);
  for (std::size_t i = 0; i < kHllRegisters; ++i) {
    ASSERT_EQ(merged[i], std::max(others[i], expected[i])) << i;
  }
  std::string again(kPackedBytes, '\0');
  HllDensePack(expected, again);
  EXPECT_EQ(again, packed);
}

}  // namespace
}  // namespace slotway::storage
