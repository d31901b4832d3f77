// SPDX-License-Identifier: Apache-2.0
#include "storage/types/bit_field.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>

#include "storage/types/bit_string.h"

namespace slotway::storage {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr BitFieldType kU8{false, 8};
constexpr BitFieldType kI8{true, 8};
constexpr BitFieldType kI64{true, 64};
constexpr BitFieldType kU63{false, 63};

TEST(BitField, Types) {
  EXPECT_EQ(BitFieldType::Parse("u8"), kU8);
  EXPECT_EQ(BitFieldType::Parse("i64"), kI64);
  EXPECT_EQ(BitFieldType::Parse("u63"), kU63);
  for (const char* text : {"", "u", "u0", "u64", "i65", "i08", "x8", "U8", "u8 ", "i-1", "u100"}) {
    EXPECT_EQ(BitFieldType::Parse(text), std::nullopt) << text;
  }
}

TEST(BitField, TheHighestBitComesFirst) {
  EXPECT_EQ(LoadBitField("\x01\x80", 7, {false, 2}), 3);
  EXPECT_EQ(LoadBitField("\x01\x80", 7, {true, 2}), -1);
  EXPECT_EQ(LoadBitField("\x01", 7, {false, 4}), 8);
  EXPECT_EQ(LoadBitField("", 4294967295u, kI64), 0);
}

TEST(BitField, StoredAndLoadedBitByBit) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    const bool is_signed = random() % 2 == 0;
    const BitFieldType type{is_signed, 1 + static_cast<int>(random() % (is_signed ? 64 : 63))};
    std::string bytes(12, random() % 2 == 0 ? '\0' : '\xff');
    const std::string before = bytes;
    const std::uint64_t position = random() % 32;
    const auto value =
        FitBitField(type, static_cast<std::int64_t>(random()), 0, BitOverflow::kWrap);
    ASSERT_TRUE(value);
    StoreBitField(bytes, position, type, *value);
    ASSERT_EQ(LoadBitField(bytes, position, type), *value);
    const std::uint64_t end = position + static_cast<unsigned>(type.bits);
    for (std::uint64_t at = 0; at < bytes.size() * 8; ++at) {
      const bool expected = at < position || at >= end
                                ? BitAt(before, at)
                                : (static_cast<std::uint64_t>(*value) >> (end - 1 - at) & 1) != 0;
      ASSERT_EQ(BitAt(bytes, at), expected) << at;
    }
  }
}

struct FitCase {
  BitFieldType type;
  std::int64_t value;
  std::int64_t increment;
  std::int64_t wrapped;
  std::int64_t saturated;
  bool fits;
};

TEST(BitField, Overflow) {
  const FitCase cases[] = {
      {kU8, 255, 1, 0, 255, false},
      {kU8, 0, -1, 255, 0, false},
      {kU8, 255, -255, 0, 0, true},
      {kU8, -1, 0, 255, 255, false},  // stored as it is, a negative number is a large one
      {kI8, 127, 1, -128, 127, false},
      {kI8, -128, -1, 127, -128, false},
      {kI8, -128, 255, 127, 127, true},
      {kI8, 300, 0, 44, 127, false},
      {kI8, kMin + 128, 0, -128, -128, false},
      {kI8, kMin + 127, 0, 127, 127, false},  // as Redis does it
      {kI8, kMin, 0, 0, 127, false},
      {kI64, kMin, 0, kMin, kMin, true},
      {kI64, kMax, 1, kMin, kMax, false},
      {kI64, kMin, -1, kMax, kMin, false},
      {kI64, kMin, kMax, -1, -1, true},
      {kU63, kMax, 1, 0, kMax, false},
      {kU63, 0, kMin, 0, 0, false},
      {kU63, kMax, kMax, kMax - 1, kMax, false},
      {{true, 1}, 0, 1, -1, 0, false},
      {{false, 1}, 1, 1, 0, 1, false},
  };
  for (const FitCase& c : cases) {
    SCOPED_TRACE(std::to_string(c.type.bits) + " bits: " + std::to_string(c.value) + " + " +
                 std::to_string(c.increment));
    EXPECT_EQ(FitBitField(c.type, c.value, c.increment, BitOverflow::kWrap), c.wrapped);
    EXPECT_EQ(FitBitField(c.type, c.value, c.increment, BitOverflow::kSaturate), c.saturated);
    EXPECT_EQ(FitBitField(c.type, c.value, c.increment, BitOverflow::kFail).has_value(), c.fits);
  }
}

}  // namespace
}  // namespace slotway::storage
