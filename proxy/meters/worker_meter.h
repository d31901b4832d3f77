// SPDX-License-Identifier: Apache-2.0
// All that one worker measures of its requests.
//
// Its worker writes, any thread reads: counters one by one, what is kept of single requests under a
// lock that is taken for few of them. No request reads a clock: the time is taken once per read of
// a shard's socket and of a few clients' (Touch()), and what is counted then happened at that time.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/proxy_config.h"
#include "proxy/meters/big_keys.h"
#include "protocol/command_families.h"
#include "protocol/error_codes.h"
#include "proxy/meters/exchange.h"
#include "proxy/meters/hot_keys.h"
#include "proxy/meters/node_meters.h"
#include "proxy/meters/slow_requests.h"
#include "runtime/clock.h"
#include "runtime/counter.h"
#include "runtime/histogram.h"
#include "runtime/metrics.h"

namespace slotway::proxy {

class AccessLog;

class alignas(runtime::kCacheLineBytes) WorkerMeter {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  // Requests and replies from this size on are looked at for their key.
  static constexpr std::size_t kLargeBytes = 16 * 1024;

  // `name` begins the names of the worker's connections to shards: no other worker has it, of any
  // proxy. `access` outlives this.
  WorkerMeter(std::string name, AccessLog& access) : name_(std::move(name)), access_(access) {}

  // Before the worker serves, and when settings were replaced. `worker_count` share the bounds.
  void Apply(const config::ProxyConfig& settings, std::size_t worker_count);
  // Owner thread only, as all below but what says otherwise.
  void Touch() { now_us = runtime::MonotonicUs(); }
  // Before a client's requests are handled, in the loop's iteration `turn`: what others have sent
  // was there as well, so that the time is taken once for a few of them.
  void TouchForClient(std::uint32_t turn) {
    if (turn == touched_turn_ && ++touched_for_ < kClientsPerTouch) return;
    touched_turn_ = turn;
    touched_for_ = 0;
    Touch();
  }
  std::string NextConnectionName() { return name_ + '-' + std::to_string(++connections_); }
  // A reply that a client gets.
  void CountError(std::string_view reply) {
    errors[protocol::IndexOfErrorCode(protocol::ErrorCodeOf(reply))].Add();
  }
  bool IsSlow(std::uint64_t taken_us) const { return taken_us >= slow_from_us_; }
  // Whether one more slow request may be noted now. Where everything is slow it must not be made
  // slower.
  static constexpr std::uint32_t kSlowNotedPerSecond = 200;
  bool MayNoteSlow();
  // What is slow, large or drawn: ExchangeMeter says which.
  void Note(const Exchange& exchange);
  // Whether the request at hand is drawn for hot_keys. Hot.
  bool IsDrawn() { return --until_draw_ == 0; }
  // One of so many is drawn, or as if. Any thread.
  std::uint32_t DrawnEach() const { return drawn_each_.load(std::memory_order_relaxed); }
  // REQUIRES: IsDrawn() has said so. Empty: it has none.
  void Draw(std::string_view key);
  // A number that is as good as any.
  std::uint64_t Lot();

  std::uint64_t now_us = 0;  // MonotonicUs() of the last Touch()
  // For ExchangeMeter.
  std::uint64_t until_look = kNever;    // answers until one is logged whatever it is
  std::uint64_t look_from_us = kNever;  // answers that took so long are noted

  // Any thread may read these.
  std::array<runtime::Histogram, protocol::kFamiliesMax> latency_us;  // by protocol::FamilyId
  std::array<runtime::Counter, protocol::kErrorCodes.size()> errors;  // replies to clients
  runtime::Counter slow_requests;   // noted or not
  runtime::Counter buffered_bytes;  // for clients and nodes, now and then looked at
  NodeMeters nodes;
  SlowRequests slow;
  HotKeys hot_keys;
  BigKeys big_keys;

 private:
  static constexpr std::uint32_t kClientsPerTouch = 8;
  // More draws in a second tell nothing new: then fewer are drawn, and count for more.
  static constexpr std::uint32_t kDrawsPerSecond = 1000;
  static constexpr std::uint32_t kDrawsPerLook = 64;
  static constexpr std::uint32_t kWeightMax = 1024;

  std::uint64_t NextDraw();
  void AdjustWeight();
  void NoteLarge(const Exchange& exchange, std::span<const std::string_view> args);

  std::string name_;
  AccessLog& access_;
  std::uint64_t connections_ = 0;
  std::uint64_t until_draw_ = kNever;
  std::atomic<std::uint32_t> drawn_each_ = 0;  // one of so many; 0: none
  std::uint32_t draw_weight_ = 1;              // only each so many-th of those is drawn
  std::uint32_t draws_ = 0;                    // since drawn_since_us_
  std::uint64_t drawn_since_us_ = 0;
  std::uint32_t touched_turn_ = 0;
  std::uint32_t touched_for_ = 0;
  std::uint64_t looked_each_ = 0;   // the same for access_log
  std::uint64_t slow_from_us_ = kNever;
  std::uint64_t access_from_us_ = kNever;
  std::uint64_t noting_since_us_ = 0;  // begin of the second that the next is of
  std::uint32_t slow_noted_ = 0;
  std::uint64_t lot_ = 0x9e3779b97f4a7c15;
};

// By worker; all of a process.
using WorkerMeters = std::vector<std::unique_ptr<WorkerMeter>>;

}  // namespace slotway::proxy
