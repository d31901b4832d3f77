// SPDX-License-Identifier: Apache-2.0
// The sparse form of a HyperLogLog: runs of equal registers, for counts up to a few thousand.
//
//   00zzzzzz            1 to 64 registers that are 0              (zzzzzz + 1)
//   01zzzzzz zzzzzzzz   1 to 16,384 registers that are 0          (the high bits first, + 1)
//   1vvvvvzz            1 to 4 registers that are 1 to 32         (zz + 1, vvvvv + 1)
//
// An empty one is a single run: 01111111 11111111. The runs of a good one are 16,384 registers
// together. A change replaces one run by up to three and joins neighbours of one value, so that
// nothing is written that was not touched; which ones are joined is as in Redis, since the bytes
// are to be the same. A value that a run cannot hold, or too many bytes, make it dense.
//
// Pure; any thread. Bytes come from outside: nothing is taken for granted but IsHll().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/types/hyperloglog.h"

namespace slotway::storage {

inline constexpr int kHllSparseValueMax = 32;

// One without elements.
std::string EmptyHll();

struct HllRun {
  std::size_t at;        // of its first byte in the value
  std::uint8_t bytes;    // 1 or 2; the second may be missing at the end of broken ones
  std::uint8_t value;    // of every register
  std::uint32_t length;  // registers
  bool is_long;          // of the two-byte form

  std::size_t End() const { return at + bytes; }
};

inline constexpr unsigned kHllLongZeros = 0x40;
inline constexpr unsigned kHllValues = 0x80;

// The run at `at`, which is within `value`.
inline HllRun HllRunAt(std::string_view value, std::size_t at) {
  const auto code = static_cast<unsigned char>(value[at]);
  if ((code & (kHllValues | kHllLongZeros)) == 0) {
    return {.at = at, .bytes = 1, .value = 0, .length = code + 1u, .is_long = false};
  }
  if ((code & kHllValues) != 0) {
    return {.at = at,
            .bytes = 1,
            .value = static_cast<std::uint8_t>((code >> 2 & 31) + 1),
            .length = (code & 3u) + 1,
            .is_long = false};
  }
  const unsigned low = at + 1 < value.size() ? static_cast<unsigned char>(value[at + 1]) : 0;
  return {
      .at = at, .bytes = 2, .value = 0, .length = ((code & 63u) << 8 | low) + 1, .is_long = true};
}

// Calls visit(first register, run) for each; false if the runs are not 16,384 registers together:
// then it may have been called for some, never for a register beyond.
template <class Visit>
bool VisitHllRuns(std::string_view value, Visit&& visit) {
  std::size_t first = 0;
  for (std::size_t at = kHllHeaderBytes; at < value.size();) {
    const HllRun run = HllRunAt(value, at);
    if (first + run.length > kHllRegisters) return false;
    visit(first, run);
    first += run.length;
    at = run.End();
  }
  return first == kHllRegisters;
}

// Turns a sparse value into a dense one; the count in the header stays. False, changing nothing, if
// it is broken.
bool MakeHllDense(std::string& value);

// Raises each of `into` to what `value` has; false if it is broken, and then some were raised.
bool HllSparseMerge(std::string_view value, HllRegisters& into);

enum class HllRaise : std::uint8_t { kUnchanged, kRaised, kBroken };

// Raises registers of one sparse value, one after the other. Begins to look where the last one was
// when registers are given in ascending order.
class HllSparseEditor {
 public:
  // `bytes_max`: header included, beyond which a change makes the value dense. `value` outlives
  // this.
  HllSparseEditor(std::string& value, std::size_t bytes_max)
      : value_(value), bytes_max_(bytes_max) {}

  // REQUIRES: the value is sparse. It may become dense. The count in the header gets out of date.
  HllRaise Raise(HllPlace place);

 private:
  // Where a run is, and where the one before it.
  struct Spot {
    std::size_t at = kHllHeaderBytes;
    std::size_t first = 0;      // register
    std::size_t before_at = 0;  // 0: it is the first
    std::size_t before_first = 0;
  };

  bool Find(std::size_t index, Spot& spot) const;
  bool FindFrom(Spot start, std::size_t index, Spot& spot) const;
  static bool PassShort(std::string_view value, std::size_t index, Spot& spot);
  HllRaise RaiseDense(HllPlace place);
  void JoinNeighbours();

  std::string& value_;
  std::size_t bytes_max_;
  // The run before the one looked at last, or the very first.
  std::size_t start_at_ = kHllHeaderBytes;
  std::size_t start_first_ = 0;
};

}  // namespace slotway::storage
