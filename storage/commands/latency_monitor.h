// SPDX-License-Identifier: Apache-2.0
// What held the engine up for `latency-monitor-threshold` or longer, by kind of event.
//
// Of each kind the worst of each of the last 160 seconds that had one. Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace slotway::storage {

// The events.
inline constexpr std::string_view kCommandEvent = "command";
inline constexpr std::string_view kFastCommandEvent = "fast-command";
inline constexpr std::string_view kExpireEvent = "expire-cycle";
inline constexpr std::string_view kEvictionEvent = "eviction-cycle";
inline constexpr std::string_view kEvictionDeleteEvent = "eviction-del";

class LatencyMonitor {
 public:
  static constexpr std::size_t kSamplesMax = 160;

  struct Sample {
    std::int64_t time_s;  // Unix time
    std::uint64_t latency_ms;
  };
  struct Series {
    std::deque<Sample> samples;    // the oldest first; never empty
    std::uint64_t latency_ms_max;  // ever
  };

  // `event` is one of those above.
  void Add(std::string_view event, std::int64_t now_s, std::uint64_t latency_ms);
  // nullptr if there was none.
  const Series* Of(std::string_view event) const;
  const std::map<std::string, Series, std::less<>>& Events() const { return events_; }
  // False if there was none.
  bool Forget(std::string_view event);
  // How many there were.
  std::size_t ForgetAll();

 private:
  std::map<std::string, Series, std::less<>> events_;
};

struct LatencySummary {
  std::uint64_t min_ms;
  std::uint64_t max_ms;
  std::uint64_t mean_ms;
  std::uint64_t mean_deviation_ms;  // mean distance from the mean
  double seconds_between;           // two samples, on average
};
LatencySummary Summarize(const LatencyMonitor::Series& series, std::int64_t now_s);

}  // namespace slotway::storage
