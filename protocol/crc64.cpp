// SPDX-License-Identifier: Apache-2.0
#include "protocol/crc64.h"

#include <array>

namespace slotway::protocol {
namespace {

constexpr std::uint64_t kReflectedPolynomial = 0x95ac9329ac4bc9b5;

// Eight bytes are folded in at once: row k is for the byte k places before the last.
constexpr std::array<std::array<std::uint64_t, 256>, 8> MakeTable() {
  std::array<std::array<std::uint64_t, 256>, 8> table{};
  for (std::uint64_t byte = 0; byte < 256; ++byte) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ kReflectedPolynomial : crc >> 1;
    table[0][byte] = crc;
  }
  for (std::size_t row = 1; row < 8; ++row) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      std::uint64_t previous = table[row - 1][byte];
      table[row][byte] = previous >> 8 ^ table[0][previous & 0xff];
    }
  }
  return table;
}

constexpr auto kTable = MakeTable();

}  // namespace

std::uint64_t Crc64(std::string_view bytes, std::uint64_t crc) {
  auto byte_at = [&bytes](std::size_t i) {
    return static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i]));
  };
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) word |= byte_at(i) << (8 * i);
    crc ^= word;
    std::uint64_t folded = 0;
    for (std::size_t i = 0; i < 8; ++i) folded ^= kTable[7 - i][crc >> (8 * i) & 0xff];
    crc = folded;
    bytes.remove_prefix(8);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    crc = kTable[0][(crc ^ byte_at(i)) & 0xff] ^ crc >> 8;
  }
  return crc;
}

}  // namespace slotway::protocol
