// SPDX-License-Identifier: Apache-2.0
// One connection's share of its user's rates: reserves what the next batch of requests takes, and says
// from when on it may be taken. Belongs to its session.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "proxy/client/user_loads.h"

namespace slotway::proxy {

class UserPace {
 public:
  bool IsOn() const { return load_ != nullptr; }
  // nullptr: no rates. What was reserved before is given back.
  void Follow(UserLoad* load) {
    GiveBack();
    load_ = load;
  }
  void GiveBack() { NoteTaken(0, 0); }

  // Whether Requests() requests may be taken now, of the `bytes` that have come. If not, they are
  // reserved for ReadyAtMs(). REQUIRES: IsOn().
  bool MayTake(std::uint64_t now_ms, std::size_t bytes) {
    if (requests_ == 0) Reserve(static_cast<runtime::TokenBucket::Ns>(now_ms) * kMillisecond, bytes);
    return ReadyAtMs() <= now_ms;
  }
  std::size_t Requests() const { return requests_; }
  std::uint64_t ReadyAtMs() const { return ready_at_ms_; }
  // What has been taken of it; the rest is given back.
  void NoteTaken(std::size_t requests, std::size_t bytes) {
    if (load_ == nullptr) return;
    load_->requests.Settle(requests_, requests);
    load_->bytes.Settle(bytes_, bytes);
    requests_ = bytes_ = 0;
  }
  // Replies; those who come next wait for them.
  void Charge(std::size_t bytes) { load_->bytes.Settle(0, bytes); }
  bool IsTooLong(std::uint64_t wait_ms) const {
    return wait_ms > load_->wait_max_ms.load(std::memory_order_relaxed);
  }

 private:
  using Ns = runtime::TokenBucket::Ns;
  static constexpr Ns kMillisecond = 1'000'000;
  // So much is taken at once: others of the user have their turn in between.
  static constexpr std::uint64_t kTurnMs = 20;
  static constexpr std::size_t kRequestsPerTurn = 256;

  void Reserve(Ns now, std::size_t bytes) {
    Ns ready = now;
    requests_ = kRequestsPerTurn;
    if (load_->requests.IsBounded()) {
      requests_ = std::min(requests_, load_->requests.AmountOf(kTurnMs));
      ready = std::max(ready, load_->requests.Reserve(requests_, now));
    }
    if (load_->bytes.IsBounded()) {
      bytes_ = std::min<std::size_t>(bytes, load_->bytes.AmountOf(kTurnMs));
      ready = std::max(ready, load_->bytes.Reserve(bytes_, now));
    }
    ready_at_ms_ = static_cast<std::uint64_t>((ready + kMillisecond - 1) / kMillisecond);
  }

  UserLoad* load_ = nullptr;
  std::size_t requests_ = 0;  // reserved
  std::size_t bytes_ = 0;     // reserved
  std::uint64_t ready_at_ms_ = 0;
};

}  // namespace slotway::proxy
