// SPDX-License-Identifier: Apache-2.0
// A distribution kept by one thread and read by any: bucket i holds values up to 2^i.
//
// Recording is an increment of two plain counters and a bit count: no search, no lock.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "runtime/counter.h"

namespace slotway::runtime {

class Histogram {
 public:
  static constexpr std::size_t kBuckets = 28;  // in microseconds: up to 134 s, then "more"

  // Owner thread only.
  void Record(std::uint64_t value) {
    counts_[BucketOf(value)].Add();
    sum_.Add(value);
  }

  // The bucket whose bound is the smallest that is not below the value; the last has no bound.
  static constexpr std::size_t BucketOf(std::uint64_t value) {
    std::size_t bucket = value <= 1 ? 0 : static_cast<std::size_t>(std::bit_width(value - 1));
    return bucket < kBuckets ? bucket : kBuckets;
  }
  static constexpr std::uint64_t Bound(std::size_t bucket) { return std::uint64_t{1} << bucket; }

  // Any thread; may lag behind. `bucket` up to and including kBuckets.
  std::uint64_t Count(std::size_t bucket) const { return counts_[bucket].Get(); }
  std::uint64_t Sum() const { return sum_.Get(); }

 private:
  std::array<Counter, kBuckets + 1> counts_;
  Counter sum_;
};

}  // namespace slotway::runtime
