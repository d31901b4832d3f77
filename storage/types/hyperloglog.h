// SPDX-License-Identifier: Apache-2.0
// A HyperLogLog as a string: its header, and which register an element counts in.
//
//   0   4 bytes  "HYLL"
//   4   u8       0 dense, 1 sparse
//   5   3 bytes  zero
//   8   u64      the count estimated last, little endian; bit 63 set: it is out of date
//   16  ...      16,384 registers: see hll_dense.h and hll_sparse.h
//
// An element is hashed to 64 bits (MurmurHash64A). The lowest 14 choose a register; the register
// holds the most zeros in a row, plus one, that the other 50 began with, from the lowest up. The
// format is Redis's, byte for byte. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace slotway::storage {

inline constexpr int kHllIndexBits = 14;
inline constexpr std::size_t kHllRegisters = std::size_t{1} << kHllIndexBits;
// The longest run of zeros is of 50, so that a register is at most 51. Six bits could hold 63.
inline constexpr int kHllHashBits = 64 - kHllIndexBits;
inline constexpr std::size_t kHllHeaderBytes = 16;
inline constexpr std::size_t kHllDenseBytes = kHllHeaderBytes + kHllRegisters * 6 / 8;

enum class HllEncoding : std::uint8_t { kDense = 0, kSparse = 1 };

// One byte for each register.
using HllRegisters = std::array<std::uint8_t, kHllRegisters>;

// Whether these bytes begin like a HyperLogLog and, if dense, have the length of one. A sparse one
// that is broken inside is found out when it is read.
bool IsHll(std::string_view value);

// REQUIRES of all below: IsHll().
inline HllEncoding HllEncodingOf(std::string_view value) {
  return static_cast<HllEncoding>(value[4]);
}
// The count in the header, unless it is out of date.
std::optional<std::uint64_t> HllCachedCount(std::string_view value);
void SetHllCachedCount(std::span<char> value, std::uint64_t count);
void DropHllCachedCount(std::span<char> value);

struct HllPlace {
  std::uint16_t index;  // of the register
  std::uint8_t count;   // 1 to 51
};
HllPlace HllPlaceOf(std::string_view element);

}  // namespace slotway::storage
