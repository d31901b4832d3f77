// SPDX-License-Identifier: Apache-2.0
// The CRC takes eight bytes a step ("slicing"): table k holds the effect of a byte that k more
// bytes follow, so the eight look-ups do not wait for one another.
#include "protocol/slot.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace slotway::protocol {
namespace {

using Table = std::array<std::uint16_t, 256>;

constexpr std::uint16_t ShiftByte(std::uint16_t crc) {
  for (int bit = 0; bit < 8; ++bit) {
    crc = static_cast<std::uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
  }
  return crc;
}

constexpr std::size_t kStep = 8;

constexpr std::array<Table, kStep> MakeTables() {
  std::array<Table, kStep> tables{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    auto crc = static_cast<std::uint16_t>(byte << 8);
    for (Table& table : tables) {
      crc = ShiftByte(crc);
      table[byte] = crc;
    }
  }
  return tables;
}

constexpr std::array<Table, kStep> kTables = MakeTables();

constexpr std::uint64_t kOfEachByte = 0x0101010101010101;

// Has the highest bit of a byte set if one of the eight bytes at `p` is a '{'.
inline std::uint64_t OpeningBraces(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  word ^= kOfEachByte * '{';
  return (word - kOfEachByte) & ~word;  // of a byte that is 0
}

// Keys are short, and most have no tag: memchr() takes longer to say so.
inline bool MayHaveTag(std::string_view key) {
  if (key.size() < kStep) return true;
  const char* const last = key.data() + key.size() - kStep;
  std::uint64_t braces = OpeningBraces(last);
  for (const char* p = key.data(); p < last; p += kStep) braces |= OpeningBraces(p);
  return (braces & (kOfEachByte * 0x80)) != 0;
}

}  // namespace

std::uint16_t Crc16(std::string_view data) {
  const auto* p = reinterpret_cast<const unsigned char*>(data.data());
  std::size_t left = data.size();
  std::uint32_t crc = 0;
  for (; left >= kStep; left -= kStep, p += kStep) {
    const int early = kTables[5][p[2]] ^ kTables[4][p[3]] ^ kTables[3][p[4]] ^ kTables[2][p[5]] ^
                      kTables[1][p[6]] ^ kTables[0][p[7]];
    const int of_crc = kTables[7][(crc >> 8) ^ p[0]] ^ kTables[6][(crc & 0xff) ^ p[1]];
    crc = static_cast<std::uint32_t>(early ^ of_crc);
  }
  if (left >= 4) {
    const int late = kTables[1][p[2]] ^ kTables[0][p[3]];
    crc = static_cast<std::uint32_t>(kTables[3][(crc >> 8) ^ p[0]] ^
                                     kTables[2][(crc & 0xff) ^ p[1]] ^ late);
    left -= 4;
    p += 4;
  }
  for (; left > 0; --left, ++p) {
    crc = ((crc << 8) & 0xffff) ^ kTables[0][(crc >> 8) ^ *p];
  }
  return static_cast<std::uint16_t>(crc);
}

std::string_view HashTag(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const std::size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

Slot SlotOfKey(std::string_view key) {
  const std::string_view hashed = MayHaveTag(key) ? HashTag(key) : key;
  return static_cast<Slot>(Crc16(hashed) & (kSlotCount - 1));
}

std::string_view TagOfSlot(Slot slot) {
  static const std::vector<std::string> tags = [] {
    std::vector<std::string> found(kSlotCount);
    int missing = kSlotCount;
    for (unsigned number = 0; missing > 0; ++number) {
      std::string digits = std::to_string(number);
      std::string& tag = found[static_cast<std::size_t>(ToInt(SlotOfKey(digits)))];
      if (!tag.empty()) continue;
      tag = std::move(digits);
      --missing;
    }
    return found;
  }();
  return tags[static_cast<std::size_t>(ToInt(slot))];
}

}  // namespace slotway::protocol
