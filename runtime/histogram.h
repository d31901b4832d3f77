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
  void Record(std::uint64_t value, std::uint64_t times = 1) {
    counts_[BucketOf(value)].Add(times);
    sum_.Add(value * times);
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

// What several histograms hold together, at a moment. A value.
class HistogramSum {
 public:
  void Add(const Histogram& part) {
    for (std::size_t i = 0; i <= Histogram::kBuckets; ++i) counts_[i] += part.Count(i);
    sum_ += part.Sum();
  }
  void Add(std::size_t bucket, std::uint64_t count) { counts_[bucket] += count; }
  void AddToSum(std::uint64_t value) { sum_ += value; }
  std::uint64_t CountOf(std::size_t bucket) const { return counts_[bucket]; }
  std::uint64_t Sum() const { return sum_; }
  std::uint64_t Count() const {
    std::uint64_t count = 0;
    for (std::uint64_t some : counts_) count += some;
    return count;
  }
  // Below which a part of all values lies (0.99), as if values were spread evenly within a bucket;
  // 0 if there are none.
  double Quantile(double part) const {
    const double wanted = part * static_cast<double>(Count());
    double before = 0;
    for (std::size_t i = 0; i <= Histogram::kBuckets; ++i) {
      const auto count = static_cast<double>(counts_[i]);
      if (count > 0 && before + count >= wanted) {
        const double lower = i == 0 ? 0 : static_cast<double>(Histogram::Bound(i - 1));
        const double width = i == 0 ? 1 : lower;  // of the last, too: it has no end
        return lower + width * (wanted - before) / count;
      }
      before += count;
    }
    return 0;
  }

 private:
  std::array<std::uint64_t, Histogram::kBuckets + 1> counts_{};
  std::uint64_t sum_ = 0;
};

}  // namespace slotway::runtime
