// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/latency_monitor.h"

#include <algorithm>

namespace slotway::storage {

void LatencyMonitor::Add(std::string_view event, std::int64_t now_s, std::uint64_t latency_ms) {
  auto found = events_.find(event);
  if (found == events_.end()) found = events_.emplace(event, Series{{}, 0}).first;
  Series& series = found->second;
  series.latency_ms_max = std::max(series.latency_ms_max, latency_ms);
  if (!series.samples.empty() && series.samples.back().time_s == now_s) {
    Sample& last = series.samples.back();
    last.latency_ms = std::max(last.latency_ms, latency_ms);
    return;
  }
  series.samples.push_back({now_s, latency_ms});
  if (series.samples.size() > kSamplesMax) series.samples.pop_front();
}

const LatencyMonitor::Series* LatencyMonitor::Of(std::string_view event) const {
  const auto found = events_.find(event);
  return found != events_.end() ? &found->second : nullptr;
}

bool LatencyMonitor::Forget(std::string_view event) {
  const auto found = events_.find(event);
  if (found == events_.end()) return false;
  events_.erase(found);
  return true;
}

std::size_t LatencyMonitor::ForgetAll() {
  const std::size_t count = events_.size();
  events_.clear();
  return count;
}

LatencySummary Summarize(const LatencyMonitor::Series& series, std::int64_t now_s) {
  LatencySummary summary{.min_ms = UINT64_MAX,
                         .max_ms = series.latency_ms_max,
                         .mean_ms = 0,
                         .mean_deviation_ms = 0,
                         .seconds_between = 0};
  const std::uint64_t count = series.samples.size();
  std::uint64_t sum = 0;
  for (const auto& sample : series.samples) {
    summary.min_ms = std::min(summary.min_ms, sample.latency_ms);
    sum += sample.latency_ms;
  }
  summary.mean_ms = sum / count;
  std::uint64_t deviations = 0;
  for (const auto& sample : series.samples) {
    deviations +=
        std::max(sample.latency_ms, summary.mean_ms) - std::min(sample.latency_ms, summary.mean_ms);
  }
  summary.mean_deviation_ms = deviations / count;
  const std::int64_t period_s = std::max<std::int64_t>(now_s - series.samples.front().time_s, 1);
  summary.seconds_between = static_cast<double>(period_s) / static_cast<double>(count);
  return summary;
}

}  // namespace slotway::storage
