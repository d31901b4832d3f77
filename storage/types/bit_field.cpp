// SPDX-License-Identifier: Apache-2.0
#include "storage/types/bit_field.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace slotway::storage {
namespace {

constexpr int kBitsMax = 64;
// A field of 64 bits that begins within a byte ends in the ninth.
constexpr std::size_t kBytesMax = 9;

std::uint64_t LowestBits(int bits) {
  return bits == kBitsMax ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

std::int64_t Largest(BitFieldType type) {
  return static_cast<std::int64_t>(LowestBits(type.is_signed ? type.bits - 1 : type.bits));
}

std::int64_t Smallest(BitFieldType type) { return type.is_signed ? -Largest(type) - 1 : 0; }

// The value that these bits stand for; higher ones do not matter.
std::int64_t ValueOfBits(BitFieldType type, std::uint64_t bits) {
  bits &= LowestBits(type.bits);
  const bool is_negative = type.is_signed && (bits >> (type.bits - 1) & 1) != 0;
  if (is_negative) bits |= ~LowestBits(type.bits);
  return static_cast<std::int64_t>(bits);
}

enum class Fit : std::uint8_t { kFits, kTooLarge, kTooSmall };

Fit Compare(BitFieldType type, std::int64_t value, std::int64_t increment) {
  // Unsigned and beyond an int64: no field is as large.
  if (!type.is_signed && value < 0) return Fit::kTooLarge;
  if (value > Largest(type)) return Fit::kTooLarge;
  // Redis asks for the room that is left above, which an int64 does not hold: then it finds none.
  std::int64_t room_above = 0;
  if (__builtin_sub_overflow(Largest(type), value, &room_above) && type.bits < kBitsMax) {
    return Fit::kTooLarge;
  }
  if (value < Smallest(type)) return Fit::kTooSmall;
  std::int64_t sum = 0;
  if (__builtin_add_overflow(value, increment, &sum)) {
    return increment > 0 ? Fit::kTooLarge : Fit::kTooSmall;
  }
  if (sum > Largest(type)) return Fit::kTooLarge;
  return sum < Smallest(type) ? Fit::kTooSmall : Fit::kFits;
}

}  // namespace

std::optional<BitFieldType> BitFieldType::Parse(std::string_view text) {
  if (text.size() < 2 || text.size() > 3 || (text[0] != 'i' && text[0] != 'u')) return std::nullopt;
  if (text[1] < '1' || text[1] > '9') return std::nullopt;
  BitFieldType type{.is_signed = text[0] == 'i', .bits = 0};
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data() + 1, end, type.bits).ptr != end) return std::nullopt;
  if (type.bits > (type.is_signed ? kBitsMax : kBitsMax - 1)) return std::nullopt;
  return type;
}

std::int64_t LoadBitField(std::string_view bytes, std::uint64_t position, BitFieldType type) {
  const std::uint64_t first = position / 8;
  const auto byte_at = [&](std::size_t i) -> std::uint64_t {
    return first + i < bytes.size() ? static_cast<unsigned char>(bytes[first + i]) : 0;
  };
  std::uint64_t word = 0;
  for (std::size_t i = 0; i + 1 < kBytesMax; ++i) word = word << 8 | byte_at(i);
  const int skipped = static_cast<int>(position % 8);
  if (skipped > 0) word = word << skipped | byte_at(kBytesMax - 1) >> (8 - skipped);
  return ValueOfBits(type, word >> (kBitsMax - type.bits));
}

void StoreBitField(std::span<char> bytes, std::uint64_t position, BitFieldType type,
                   std::int64_t value) {
  std::uint64_t left = static_cast<std::uint64_t>(value);
  std::uint64_t end = position + static_cast<unsigned>(type.bits);
  // From the last byte to the first, as many of the lowest bits as it takes.
  while (end > position) {
    const std::uint64_t byte_begin = (end - 1) / 8 * 8;
    const auto taken = static_cast<int>(end - std::max(byte_begin, position));
    const auto shift = static_cast<int>(byte_begin + 8 - end);
    const auto mask = static_cast<unsigned>(LowestBits(taken) << shift);
    char& byte = bytes[byte_begin / 8];
    byte = static_cast<char>((static_cast<unsigned char>(byte) & ~mask) |
                             (static_cast<unsigned>(left << shift) & mask));
    left >>= taken;
    end -= static_cast<unsigned>(taken);
  }
}

std::optional<std::int64_t> FitBitField(BitFieldType type, std::int64_t value,
                                        std::int64_t increment, BitOverflow overflow) {
  const auto sum = static_cast<std::uint64_t>(value) + static_cast<std::uint64_t>(increment);
  const Fit fit = Compare(type, value, increment);
  if (fit == Fit::kFits || overflow == BitOverflow::kWrap) return ValueOfBits(type, sum);
  if (overflow == BitOverflow::kFail) return std::nullopt;
  return fit == Fit::kTooLarge ? Largest(type) : Smallest(type);
}

}  // namespace slotway::storage
