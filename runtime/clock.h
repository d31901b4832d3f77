// SPDX-License-Identifier: Apache-2.0
// The only place that asks the system what time it is.
//
// Functions for code that just needs the time; Clock for code whose time a test moves. Any thread.
// Monotonic time counts from an unknown start and never goes back; Unix time counts from 1970 and
// may jump.
#pragma once

#include <cstdint>

namespace slotway::runtime {

std::uint64_t MonotonicNs();
std::uint64_t MonotonicUs();
std::uint64_t MonotonicMs();
// Monotonic, and counts while the machine is suspended, too: for promises that run out.
std::uint64_t BootTimeMs();
std::int64_t UnixUs();
std::int64_t UnixMs();

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::uint64_t NowMonotonicUs() const = 0;
  virtual std::int64_t NowUnixUs() const = 0;

  std::uint64_t NowMonotonicMs() const { return NowMonotonicUs() / 1000; }
  std::int64_t NowUnixMs() const { return NowUnixUs() / 1000; }
};

// The machine's clocks.
const Clock& SystemClock();

// Stands still until told otherwise. Not thread-safe.
class ManualClock : public Clock {
 public:
  explicit ManualClock(std::int64_t unix_us = 1'700'000'000'000'000) : unix_us_(unix_us) {}

  std::uint64_t NowMonotonicUs() const override { return monotonic_us_; }
  std::int64_t NowUnixUs() const override { return unix_us_; }

  void AdvanceUs(std::uint64_t us) {
    monotonic_us_ += us;
    unix_us_ += static_cast<std::int64_t>(us);
  }
  void AdvanceMs(std::uint64_t ms) { AdvanceUs(ms * 1000); }
  // Moves Unix time only, as an administrator or NTP does.
  void JumpUnixUs(std::int64_t us) { unix_us_ += us; }

 private:
  std::uint64_t monotonic_us_ = 1'000'000;
  std::int64_t unix_us_;
};

}  // namespace slotway::runtime
