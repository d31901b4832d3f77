// SPDX-License-Identifier: Apache-2.0
// A rate with a burst, for all threads together: who wants some reserves it, and is told from when on
// it may be used. So those who wait have their turn in the order in which they came.
//
// What is kept is one number: until when everything that was handed out is paid for. What nobody has
// used within the burst's time is lost. Any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace slotway::runtime {

class TokenBucket {
 public:
  using Ns = std::int64_t;  // since any one moment

  // 0: no bound.
  void SetRate(std::uint64_t per_second, std::uint64_t burst_ms) {
    ns_each_.store(per_second == 0 ? 0 : kSecond / static_cast<double>(per_second),
                   std::memory_order_relaxed);
    burst_.store(static_cast<Ns>(burst_ms) * kMillisecond, std::memory_order_relaxed);
  }
  bool IsBounded() const { return ns_each_.load(std::memory_order_relaxed) > 0; }
  // What the rate gives in this time, 1 at least. REQUIRES: IsBounded().
  std::uint64_t AmountOf(std::uint64_t time_ms) const {
    const double amount = static_cast<double>(time_ms) * static_cast<double>(kMillisecond) /
                          ns_each_.load(std::memory_order_relaxed);
    return amount < 1 ? 1 : static_cast<std::uint64_t>(std::min(amount, kAmountMax));
  }

  // From when on it may be used: not after `now` if at once. More than the burst is to be had when
  // nothing else is owed.
  Ns Reserve(std::uint64_t amount, Ns now) {
    const Ns cost = CostOf(amount);
    Ns before = paid_until_.load(std::memory_order_relaxed);
    Ns after;
    do {
      after = std::max(before, now) + cost;
    } while (!paid_until_.compare_exchange_weak(before, after, std::memory_order_relaxed));
    return after - std::max(burst_.load(std::memory_order_relaxed), cost);
  }
  // Of what was reserved more was used, or less. Who comes next pays for it.
  void Settle(std::uint64_t reserved, std::uint64_t used) {
    const Ns difference = CostOf(used) - CostOf(reserved);
    if (difference != 0) paid_until_.fetch_add(difference, std::memory_order_relaxed);
  }
  // Whether everything is paid for: nothing is lost with it then.
  bool IsFull(Ns now) const { return paid_until_.load(std::memory_order_relaxed) <= now; }

 private:
  static constexpr Ns kMillisecond = 1'000'000;
  static constexpr double kSecond = 1e9;
  static constexpr double kAmountMax = 1e15;
  static constexpr double kCostMax = 3600e9;  // an hour: sums of them stay far from the largest Ns

  Ns CostOf(std::uint64_t amount) const {
    const double cost = static_cast<double>(amount) * ns_each_.load(std::memory_order_relaxed);
    return static_cast<Ns>(std::min(cost, kCostMax));
  }

  std::atomic<double> ns_each_{0};
  std::atomic<Ns> burst_{0};
  std::atomic<Ns> paid_until_{0};
};

}  // namespace slotway::runtime
