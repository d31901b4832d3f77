// SPDX-License-Identifier: Apache-2.0
// How long the calls of one command took, in buckets that double: LATENCY HISTOGRAM, and the
// percentiles of INFO.
//
//   bucket 0: up to 1024 ns, 1: up to 2048 ns, ... 20: up to 2^30 ns and all beyond
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace slotway::storage {

class LatencyHistogram {
 public:
  static constexpr std::size_t kBuckets = 21;

  void Add(std::uint64_t ns, std::uint64_t times) {
    const auto bucket = static_cast<std::size_t>(std::bit_width(ns >> 10));
    counts_[std::min(bucket, kBuckets - 1)] += times;
  }

  std::uint64_t CountOf(std::size_t bucket) const { return counts_[bucket]; }
  std::uint64_t Total() const {
    std::uint64_t total = 0;
    for (const std::uint64_t count : counts_) total += count;
    return total;
  }

  // The bucket's upper bound. The first hundred and twenty-eighth of the next bucket counts as this
  // one's: so does an HDR histogram of two digits, whose bounds clients know.
  static std::uint64_t UpperNs(std::size_t bucket) {
    const std::uint64_t bound = std::uint64_t{1024} << bucket;
    return bound + bound / 128 - 1;
  }

  // The upper bound of the bucket in which so many percent of the calls are reached; 0 if there was
  // no call.
  std::uint64_t PercentileNs(double percent) const {
    const std::uint64_t total = Total();
    if (total == 0) return 0;
    const double wanted = std::max(percent / 100 * static_cast<double>(total), 1.0);
    std::uint64_t reached = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      reached += counts_[bucket];
      if (static_cast<double>(reached) >= wanted) return UpperNs(bucket);
    }
    return UpperNs(kBuckets - 1);
  }

 private:
  std::array<std::uint64_t, kBuckets> counts_{};
};

}  // namespace slotway::storage
