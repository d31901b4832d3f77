// SPDX-License-Identifier: Apache-2.0
// The newest slow requests of one worker. Bounded in number, and each in size; secrets are not in
// them. Any thread: only what is slow takes the lock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "proxy/meters/exchange.h"

namespace slotway::proxy {

struct SlowRequest {
  std::int64_t time_us = 0;       // Unix time of its end
  std::string request_id;         // see RequestIdOf()
  ClientFacts client;
  std::vector<std::string> args;  // shortened
  std::string node;
  ExchangeTimes times;
  std::size_t reply_bytes = 0;
};

class SlowRequests {
 public:
  void SetBound(std::size_t requests_max) {
    const std::lock_guard lock(mutex_);
    requests_max_ = requests_max;
    DropBeyondBound();
  }
  void Add(SlowRequest request) {
    const std::lock_guard lock(mutex_);
    requests_.push_front(std::move(request));
    DropBeyondBound();
  }
  // At most so many, the newest first.
  std::vector<SlowRequest> Newest(std::size_t count) const {
    const std::lock_guard lock(mutex_);
    auto end = requests_.begin() +
               static_cast<std::ptrdiff_t>(std::min(count, requests_.size()));
    return {requests_.begin(), end};
  }
  void Clear() {
    const std::lock_guard lock(mutex_);
    requests_.clear();
  }

 private:
  void DropBeyondBound() {
    if (requests_.size() > requests_max_) requests_.resize(requests_max_);
  }

  mutable std::mutex mutex_;
  std::deque<SlowRequest> requests_;  // guarded by mutex_, as the next
  std::size_t requests_max_ = 0;
};

}  // namespace slotway::proxy
