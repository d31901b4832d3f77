// SPDX-License-Identifier: Apache-2.0
// What each user takes, on all of its connections and in all workers, beside what it may take.
//
// A seat is one connection's place among those of its user; the map behind a lock is touched when
// somebody logs in or out. What is counted per batch of requests is atomic. Any thread; a seat belongs
// to one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "config/proxy_config.h"
#include "runtime/token_bucket.h"

namespace slotway::proxy {

struct UserLoad {
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> wait_max_ms{0};
  runtime::TokenBucket requests;
  runtime::TokenBucket bytes;

  bool HasRates() const { return requests.IsBounded() || bytes.IsBounded(); }
};

class UserSeat {
 public:
  UserSeat() = default;
  // shared: by all connections of the user, so that it outlives a removal from the map.
  UserSeat(std::string user, std::shared_ptr<UserLoad> load)
      : user_(std::move(user)), load_(std::move(load)) {}
  UserSeat(UserSeat&& other) noexcept { *this = std::move(other); }
  UserSeat& operator=(UserSeat&& other) noexcept {
    Leave();
    user_ = std::move(other.user_);
    load_ = std::exchange(other.load_, nullptr);
    return *this;
  }
  ~UserSeat() { Leave(); }

  bool IsTaken() const { return load_ != nullptr; }
  const std::string& User() const { return user_; }
  // nullptr: it is none. Stays as long as the seat is taken.
  UserLoad* Load() const { return load_.get(); }

 private:
  void Leave() {
    if (load_ != nullptr) load_->connections.fetch_sub(1, std::memory_order_relaxed);
    load_.reset();
  }

  std::string user_;
  std::shared_ptr<UserLoad> load_;  // shared: see above
};

class UserLoads {
 public:
  // They hold for who is there already, too; but nobody is sent away.
  void ApplySettings(const config::LimitsConfig& limits);
  // One that is not taken if the user has as many connections as it may have.
  UserSeat Take(std::string_view user);

 private:
  const config::UserLimits& LimitsOf(std::string_view user) const;
  void DropUnused();

  mutable std::mutex mutex_;
  config::UserLimits each_user_;
  config::LimitsByUser users_;
  // shared: with the seats.
  std::map<std::string, std::shared_ptr<UserLoad>, std::less<>> loads_;
  std::size_t drop_above_ = 1024;
};

}  // namespace slotway::proxy
