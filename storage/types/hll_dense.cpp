// SPDX-License-Identifier: Apache-2.0
#include "storage/types/hll_dense.h"

#include <cassert>
#include <cstring>

namespace slotway::storage {
namespace {

constexpr std::size_t kGroup = 8;       // registers
constexpr std::size_t kGroupBytes = 6;  // packed
constexpr unsigned kRegisterMax = 63;

// The group's 48 bits, with others above them. It is read as a whole word: behind the last group
// there is nothing, so that is read with what is before it.
std::uint64_t LoadGroup(const char* registers, std::size_t group) {
  constexpr std::size_t kLast = kHllRegisters / kGroup - 1;
  constexpr std::size_t kMore = sizeof(std::uint64_t) - kGroupBytes;
  const bool is_last = group == kLast;
  std::uint64_t word;
  std::memcpy(&word, registers + group * kGroupBytes - (is_last ? kMore : 0), sizeof word);
  return is_last ? word >> (8 * kMore) : word;
}

// 48 bits to 64: in two halves, in four quarters, in eight bytes.
std::uint64_t Spread(std::uint64_t word) {
  word = (word & 0xffffff) | (word & 0xffffff000000) << 8;
  word = (word & 0x00000fff00000fff) | (word & 0x00fff00000fff000) << 4;
  return (word & 0x003f003f003f003f) | (word & 0x0fc00fc00fc00fc0) << 2;
}

std::uint64_t Gather(std::uint64_t word) {
  word = (word & 0x003f003f003f003f) | (word & 0x3f003f003f003f00) >> 2;
  word = (word & 0x00000fff00000fff) | (word & 0x0fff00000fff0000) >> 4;
  return (word & 0xffffff) | (word & 0x00ffffff00000000) >> 8;
}

// The larger of each two bytes. REQUIRES: the highest bit of every byte is zero.
std::uint64_t LargerBytes(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  // The high bit stays where nothing had to be borrowed: where a >= b.
  const std::uint64_t is_a = ((a | kHighBits) - b) & kHighBits;
  const std::uint64_t mask = (is_a - (is_a >> 7)) | is_a;
  return (a & mask) | (b & ~mask);
}

}  // namespace

std::uint8_t HllDenseGet(std::string_view registers, std::size_t index) {
  const std::uint64_t word = LoadGroup(registers.data(), index / kGroup);
  return static_cast<std::uint8_t>(word >> (index % kGroup * 6) & kRegisterMax);
}

bool HllDenseRaise(std::span<char> registers, HllPlace place) {
  const std::size_t group = place.index / kGroup;
  const auto shift = static_cast<int>(place.index % kGroup * 6);
  std::uint64_t word = LoadGroup(registers.data(), group);
  if ((word >> shift & kRegisterMax) >= place.count) return false;
  word &= ~(std::uint64_t{kRegisterMax} << shift);
  word |= std::uint64_t{place.count} << shift;
  std::memcpy(registers.data() + group * kGroupBytes, &word, kGroupBytes);
  return true;
}

void HllDenseUnpack(std::string_view registers, HllRegisters& out) {
  assert(registers.size() == kHllDenseBytes - kHllHeaderBytes);
  for (std::size_t i = 0; i < kHllRegisters / kGroup; ++i) {
    const std::uint64_t spread = Spread(LoadGroup(registers.data(), i));
    std::memcpy(out.data() + i * kGroup, &spread, kGroup);
  }
}

void HllDenseMerge(std::string_view registers, HllRegisters& into) {
  assert(registers.size() == kHllDenseBytes - kHllHeaderBytes);
  for (std::size_t i = 0; i < kHllRegisters / kGroup; ++i) {
    std::uint64_t word;
    std::memcpy(&word, into.data() + i * kGroup, kGroup);
    word = LargerBytes(word, Spread(LoadGroup(registers.data(), i)));
    std::memcpy(into.data() + i * kGroup, &word, kGroup);
  }
}

void HllDensePack(const HllRegisters& registers, std::span<char> out) {
  assert(out.size() == kHllDenseBytes - kHllHeaderBytes);
  for (std::size_t i = 0; i < kHllRegisters / kGroup; ++i) {
    std::uint64_t word;
    std::memcpy(&word, registers.data() + i * kGroup, kGroup);
    word = Gather(word);
    std::memcpy(out.data() + i * kGroupBytes, &word, kGroupBytes);
  }
}

}  // namespace slotway::storage
