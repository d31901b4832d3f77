// SPDX-License-Identifier: Apache-2.0
#include "runtime/clock.h"

#include <ctime>
#include <gtest/gtest.h>

namespace slotway::runtime {
namespace {

TEST(Clock, MonotonicTimeNeverGoesBack) {
  std::uint64_t last = MonotonicNs();
  for (int i = 0; i < 10000; ++i) {
    std::uint64_t now = MonotonicNs();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GE(MonotonicUs(), last / 1000);
  EXPECT_GE(MonotonicMs(), last / 1'000'000);
}

TEST(Clock, UnixTimeIsTheSystems) {
  std::int64_t before = std::time(nullptr);
  std::int64_t asked = UnixMs() / 1000;
  std::int64_t after = std::time(nullptr);
  EXPECT_GE(asked, before);
  EXPECT_LE(asked, after + 1);
  EXPECT_GE(SystemClock().NowUnixUs() / 1'000'000, before);
  EXPECT_GT(SystemClock().NowMonotonicMs(), 0u);
}

TEST(Clock, AManualClockMovesWhenTold) {
  ManualClock clock;
  std::uint64_t monotonic = clock.NowMonotonicMs();
  std::int64_t unix_ms = clock.NowUnixMs();
  EXPECT_EQ(clock.NowMonotonicMs(), monotonic);
  clock.AdvanceMs(1500);
  EXPECT_EQ(clock.NowMonotonicMs(), monotonic + 1500);
  EXPECT_EQ(clock.NowUnixMs(), unix_ms + 1500);
  clock.JumpUnixUs(-2'000'000);
  EXPECT_EQ(clock.NowMonotonicMs(), monotonic + 1500);
  EXPECT_EQ(clock.NowUnixMs(), unix_ms - 500);
}

}  // namespace
}  // namespace slotway::runtime
