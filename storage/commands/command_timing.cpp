// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/command_timing.h"

#include "protocol/shown_arguments.h"
#include "storage/commands/command_context.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kNsPerUs = 1000;
constexpr std::uint64_t kNsPerMs = 1'000'000;
// No fast command takes as long but with values of many megabytes.
constexpr std::int64_t kFineThresholdUs = 1000;

// Slotway's proxies count the requests on each of their connections, and so do we: name and number
// say which request it was, without a byte of it on the wire.
std::string NameInLog(const ClientState& client) {
  if (!client.name.starts_with("slotway-")) return client.name;
  return client.name + '#' + std::to_string(client.requests);
}

}  // namespace

void CommandTiming::Apply(const config::ShardConfig& config) {
  const std::int64_t slow_us = config.slowlog_log_slower_than_us;
  const std::int64_t latency_ms = config.latency_monitor_threshold_ms;
  slow_from_ns_ = slow_us < 0 ? kNever : static_cast<std::uint64_t>(slow_us) * kNsPerUs;
  latency_from_ns_ = latency_ms == 0 ? kNever : static_cast<std::uint64_t>(latency_ms) * kNsPerMs;
  keeps_histograms_ = config.latency_tracking;
  times_all_ = latency_ms != 0 || (slow_us >= 0 && slow_us < kFineThresholdUs);
}

void CommandTiming::Ran(CommandContext& ctx, CommandStats& stats, std::uint64_t ns,
                        std::uint32_t weight) const {
  stats.time_ns += ns * weight;
  // What has to wait is told of when it is answered.
  if (ctx.client.is_waiting && !ctx.is_run_again) return;
  if (keeps_histograms_) stats.latency.Add(ns, weight);
  if (ns >= slow_from_ns_ && !ctx.spec.flags.Has(protocol::CommandFlag::kSkipSlowlog))
      [[unlikely]] {
    const config::ShardConfig& config = ctx.server.Config();
    ctx.server.slow_log.Add({.id = 0,
                             .time_s = ctx.server.now_ms / 1000,
                             .duration_us = ns / kNsPerUs,
                             .args = protocol::ShownArguments(ctx.spec, ctx.args),
                             .client_address = ctx.client.address,
                             .client_name = NameInLog(ctx.client)},
                            static_cast<std::size_t>(config.slowlog_max_len));
  }
  if (ns >= latency_from_ns_) [[unlikely]] {
    const bool is_fast = ctx.spec.flags.Has(protocol::CommandFlag::kFast);
    ctx.server.latency.Add(is_fast ? kFastCommandEvent : kCommandEvent, ctx.server.now_ms / 1000,
                           ns / kNsPerMs);
  }
}

}  // namespace slotway::storage
