// SPDX-License-Identifier: Apache-2.0
#include "runtime/clock.h"

#include <ctime>

namespace slotway::runtime {
namespace {

struct MachineClock final : Clock {
  std::uint64_t NowMonotonicUs() const override { return MonotonicUs(); }
  std::int64_t NowUnixUs() const override { return UnixUs(); }
};

timespec Ask(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now;
}

}  // namespace

std::uint64_t MonotonicNs() {
  timespec now = Ask(CLOCK_MONOTONIC);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t MonotonicUs() { return MonotonicNs() / 1000; }

std::uint64_t MonotonicMs() { return MonotonicNs() / 1'000'000; }

std::uint64_t BootTimeMs() {
  timespec now = Ask(CLOCK_BOOTTIME);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

std::int64_t UnixUs() {
  timespec now = Ask(CLOCK_REALTIME);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

std::int64_t UnixMs() { return UnixUs() / 1000; }

const Clock& SystemClock() {
  static const MachineClock clock;
  return clock;
}

}  // namespace slotway::runtime
