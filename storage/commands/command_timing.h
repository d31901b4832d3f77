// SPDX-License-Identifier: Apache-2.0
// What becomes of the time that a command took: counters, histogram, slow log, latency monitor.
//
// Slow commands are timed each. Fast ones take less than a look at the clock takes part in, so in
// long pipelines only each 64th is timed, and counts for all; where few requests arrive at once, or
// a setting asks for everything from a low bound, each is. Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "config/shard_config.h"

namespace slotway::storage {

class CommandContext;
struct CommandStats;

class CommandTiming {
 public:
  // Every n-th fast command of long pipelines is timed.
  static constexpr std::uint32_t kSampledEvery = 64;
  // With no more requests at once than this, each is timed.
  static constexpr std::size_t kFewRequests = 4;

  // To be called at the start and after a change of settings.
  void Apply(const config::ShardConfig& config);
  // To be called before each batch.
  void BeginBatch(std::size_t requests) { times_batch_ = requests <= kFewRequests; }

  // How many commands the time of this fast one stands for; 0: do not time it.
  std::uint32_t WeightOfFast() {
    if (times_all_ || times_batch_) return 1;
    if (++untimed_ < kSampledEvery) return 0;
    untimed_ = 0;
    return kSampledEvery;
  }

  // To be called when a command has run.
  void Ran(CommandContext& ctx, CommandStats& stats, std::uint64_t ns, std::uint32_t weight) const;

 private:
  static constexpr std::uint64_t kNever = UINT64_MAX;

  std::uint64_t slow_from_ns_ = kNever;
  std::uint64_t latency_from_ns_ = kNever;
  bool keeps_histograms_ = true;
  bool times_all_ = false;
  bool times_batch_ = true;
  std::uint32_t untimed_ = 0;
};

}  // namespace slotway::storage
