// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/user_loads.h"

#include <algorithm>

#include "runtime/clock.h"

namespace slotway::proxy {
namespace {

void SetLimits(UserLoad& load, const config::UserLimits& limits) {
  load.requests.SetRate(limits.requests_per_s, limits.burst_ms);
  load.bytes.SetRate(limits.bytes_per_s, limits.burst_ms);
  load.wait_max_ms.store(limits.wait_max_ms, std::memory_order_relaxed);
}

}  // namespace

void UserLoads::ApplySettings(const config::LimitsConfig& limits) {
  const std::lock_guard lock(mutex_);
  each_user_ = limits.each_user;
  users_ = limits.users;
  for (auto& [user, load] : loads_) SetLimits(*load, LimitsOf(user));
}

const config::UserLimits& UserLoads::LimitsOf(std::string_view user) const {
  const auto own = users_.find(user);
  return own != users_.end() ? own->second : each_user_;
}

UserSeat UserLoads::Take(std::string_view user) {
  const std::lock_guard lock(mutex_);
  auto found = loads_.find(user);
  const config::UserLimits& limits = LimitsOf(user);
  if (found == loads_.end()) {
    DropUnused();
    // shared: see UserSeat.
    found = loads_.emplace(user, std::make_shared<UserLoad>()).first;
    SetLimits(*found->second, limits);
  }
  UserLoad& load = *found->second;
  // Seats are taken behind the lock only, so nobody comes between.
  if (limits.connections_max > 0 &&
      load.connections.load(std::memory_order_relaxed) >= limits.connections_max) {
    return {};
  }
  load.connections.fetch_add(1, std::memory_order_relaxed);
  return {std::string(user), found->second};
}

// Users come and go. Whoever owes something is remembered, so that logging in again is no way out.
void UserLoads::DropUnused() {
  if (loads_.size() < drop_above_) return;
  const auto now = static_cast<runtime::TokenBucket::Ns>(runtime::MonotonicMs()) * 1'000'000;
  std::erase_if(loads_, [now](const auto& entry) {
    const UserLoad& load = *entry.second;
    return load.connections.load(std::memory_order_relaxed) == 0 && load.requests.IsFull(now) &&
           load.bytes.IsFull(now);
  });
  drop_above_ = std::max<std::size_t>(1024, 2 * loads_.size());
}

}  // namespace slotway::proxy
