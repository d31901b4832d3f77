// SPDX-License-Identifier: Apache-2.0
#include "proxy/meters/hot_keys.h"

#include <algorithm>

namespace slotway::proxy {

void HotKeys::Sample(std::string_view key, std::uint64_t now_ms, double weight) {
  const std::lock_guard lock(mutex_);
  HalveIfDue(now_ms);
  samples_ += weight;
  const Place place = PlaceFor(key.substr(0, kKeyBytesMax));
  Count(place, counters_[place].count + weight);
}

HotKeys::Place HotKeys::PlaceFor(std::string_view key) {
  if (auto known = places_.find(key); known != places_.end()) return known->second;
  if (counters_.capacity() == 0) counters_.reserve(kCountersMax);
  if (counters_.size() < kCountersMax) {
    const auto place = static_cast<Place>(counters_.size());
    counters_.push_back({.key = std::string(key)});
    by_count_.insert({0, place});
    places_.emplace(counters_[place].key, place);
    return place;
  }
  const Place place = by_count_.begin()->second;
  auto node = places_.extract(counters_[place].key);  // taken over, so that nothing is allocated
  counters_[place].key = key;
  counters_[place].error = counters_[place].count;
  node.key() = counters_[place].key;
  places_.insert(std::move(node));
  return place;
}

void HotKeys::Count(Place place, double count) {
  auto node = by_count_.extract({counters_[place].count, place});
  node.value().first = count;
  by_count_.insert(std::move(node));
  counters_[place].count = count;
}

void HotKeys::HalveIfDue(std::uint64_t now_ms) {
  if (since_ms_ == 0) since_ms_ = now_ms;
  if (now_ms - since_ms_ < kHalvedEveryMs) return;
  // After a long silence nothing of before is left.
  const std::uint64_t elapsed_ms = now_ms - since_ms_;
  const int halvings = static_cast<int>(std::min<std::uint64_t>(elapsed_ms / kHalvedEveryMs, 60));
  const double factor = 1.0 / static_cast<double>(std::uint64_t{1} << halvings);
  seconds_before_ = (seconds_before_ + static_cast<double>(elapsed_ms) / 1000) * factor;
  since_ms_ = now_ms;
  samples_ *= factor;
  by_count_.clear();
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    counters_[i].count *= factor;
    counters_[i].error *= factor;
    by_count_.insert({counters_[i].count, static_cast<Place>(i)});
  }
}

HotKeys::Report HotKeys::Read(std::uint64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  Report report;
  report.samples = samples_;
  if (since_ms_ == 0) return report;
  report.seconds = seconds_before_ + static_cast<double>(now_ms - since_ms_) / 1000;
  for (const Counter& counter : counters_) {
    report.keys.push_back({counter.key, counter.count, counter.error});
  }
  return report;
}

void HotKeys::Clear() {
  const std::lock_guard lock(mutex_);
  places_.clear();
  by_count_.clear();
  counters_.clear();
  samples_ = seconds_before_ = 0;
  since_ms_ = 0;
}

}  // namespace slotway::proxy
