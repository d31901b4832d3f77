// SPDX-License-Identifier: Apache-2.0
// Integers of 1 to 64 bits at any bit of a string, as BITFIELD has them.
//
//   byte        0               1               2
//   position    0 1 2 3 4 5 6 7 8 9 ...
//                         |<------ i9 at 5 ------>|     its highest bit at position 5
//
// Signed ones ("i1" to "i64") are two's complement; unsigned ones ("u1" to "u63") leave the last
// bit out, so that every value is an int64. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace slotway::storage {

struct BitFieldType {
  bool is_signed;
  int bits;

  // "u8", "i64"; nothing for what is no type.
  static std::optional<BitFieldType> Parse(std::string_view text);

  friend bool operator==(const BitFieldType&, const BitFieldType&) = default;
};

// What becomes of a value that does not fit: it keeps its lowest bits, is the nearest one that
// fits, or there is none.
enum class BitOverflow : std::uint8_t { kWrap, kSaturate, kFail };

// Zero bits follow the end of `bytes`.
std::int64_t LoadBitField(std::string_view bytes, std::uint64_t position, BitFieldType type);
// REQUIRES: all of the field is within `bytes`; the value fits, or its lowest bits are meant.
void StoreBitField(std::span<char> bytes, std::uint64_t position, BitFieldType type,
                   std::int64_t value);

// value + increment as a value of the type. Unsigned ones take `value` for an unsigned number of 64
// bits. Nothing if it does not fit and overflow is kFail.
std::optional<std::int64_t> FitBitField(BitFieldType type, std::int64_t value,
                                        std::int64_t increment, BitOverflow overflow);

}  // namespace slotway::storage
