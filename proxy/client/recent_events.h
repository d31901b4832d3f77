// SPDX-License-Identifier: Apache-2.0
// What happened lately, for people who look: a ring of events in memory. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slotway::proxy {

struct RecentEvent {
  std::uint64_t id = 0;    // 1, 2, ...
  std::int64_t at_ms = 0;  // Unix time
  std::vector<std::pair<std::string, std::string>> fields;  // "event" first
};

class RecentEvents {
 public:
  static constexpr std::size_t kEventsMax = 256;
  static constexpr std::size_t kValueBytesMax = 256;
  using Field = std::pair<std::string_view, std::string_view>;

  // Fields without a value are left out, and long values are cut.
  template <class Fields>
  void Note(const Fields& fields, std::int64_t now_ms) {
    RecentEvent event{0, now_ms, {}};
    for (const auto& [name, value] : fields) {
      if (value.empty()) continue;
      event.fields.emplace_back(name, std::string_view(value).substr(0, kValueBytesMax));
    }
    const std::lock_guard lock(mutex_);
    event.id = ++last_id_;
    events_.push_back(std::move(event));
    if (events_.size() > kEventsMax) events_.pop_front();
  }
  // Those with a higher id, the oldest first.
  std::vector<RecentEvent> Since(std::uint64_t id) const {
    const std::lock_guard lock(mutex_);
    std::vector<RecentEvent> found;
    for (const RecentEvent& event : events_) {
      if (event.id > id) found.push_back(event);
    }
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::deque<RecentEvent> events_;  // guarded by mutex_
  std::uint64_t last_id_ = 0;       // guarded by mutex_
};

}  // namespace slotway::proxy
