// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/user_loads.h"

#include <gtest/gtest.h>
#include <utility>
#include <vector>

#include "proxy/client/strangers.h"
#include "proxy/client/user_pace.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kNowMs = 1'000'000;

config::LimitsConfig LimitsWith(config::UserLimits alice) {
  config::LimitsConfig limits;
  limits.each_user.connections_max = 3;
  limits.users["alice"] = alice;
  return limits;
}

TEST(UserLoads, SeatsAreCountedByUser) {
  UserLoads loads;
  loads.ApplySettings(LimitsWith({.connections_max = 1}));
  UserSeat first = loads.Take("alice");
  EXPECT_TRUE(first.IsTaken());
  EXPECT_FALSE(loads.Take("alice").IsTaken());
  std::vector<UserSeat> others;
  for (int i = 0; i < 3; ++i) others.push_back(loads.Take("bob"));
  EXPECT_TRUE(others.back().IsTaken());
  EXPECT_FALSE(loads.Take("bob").IsTaken());
  // Another seat in its place, and none.
  first = loads.Take("carol");
  EXPECT_EQ(first.User(), "carol");
  UserSeat second = loads.Take("alice");
  EXPECT_TRUE(second.IsTaken());
  second = UserSeat();
  EXPECT_TRUE(loads.Take("alice").IsTaken());
  // A higher bound counts at once, and so does none.
  loads.ApplySettings(LimitsWith({}));
  for (int i = 0; i < 10; ++i) others.push_back(loads.Take("alice"));
  EXPECT_TRUE(others.back().IsTaken());
}

TEST(UserPace, TakesTurnsAndGivesBackWhatItDoesNotUse) {
  UserLoads loads;
  loads.ApplySettings(LimitsWith({.requests_per_s = 1000, .burst_ms = 100}));
  UserSeat seat = loads.Take("alice");
  UserPace pace, other;
  EXPECT_FALSE(pace.IsOn());
  for (UserPace* each : {&pace, &other}) each->Follow(seat.Load());
  EXPECT_TRUE(pace.IsOn());
  // A turn is 20 ms' worth; the burst is five of them.
  for (int turn = 0; turn < 4; ++turn) {
    ASSERT_TRUE(pace.MayTake(kNowMs, 1000));
    EXPECT_EQ(pace.Requests(), 20u);
    pace.NoteTaken(20, 1000);
  }
  ASSERT_TRUE(pace.MayTake(kNowMs, 1000));
  pace.NoteTaken(5, 100);  // 15 are left
  EXPECT_FALSE(pace.MayTake(kNowMs, 1000));
  EXPECT_EQ(pace.ReadyAtMs(), kNowMs + 5);
  // Who comes later has its turn later, and whoever goes lets others go sooner.
  EXPECT_FALSE(other.MayTake(kNowMs, 1000));
  EXPECT_EQ(other.ReadyAtMs(), kNowMs + 25);
  EXPECT_TRUE(pace.MayTake(kNowMs + 5, 1000));
  pace.Follow(nullptr);
  EXPECT_FALSE(pace.IsOn());
  UserPace third;
  third.Follow(seat.Load());
  EXPECT_FALSE(third.MayTake(kNowMs + 5, 1000));
  EXPECT_EQ(third.ReadyAtMs(), kNowMs + 25);
}

TEST(UserPace, BytesOfRequestsAndReplies) {
  UserLoads loads;
  loads.ApplySettings(LimitsWith({.bytes_per_s = 1000, .burst_ms = 1000, .wait_max_ms = 5000}));
  UserSeat seat = loads.Take("alice");
  UserPace pace;
  pace.Follow(seat.Load());
  ASSERT_TRUE(pace.MayTake(kNowMs, 100));
  pace.NoteTaken(1, 400);
  pace.Charge(600);
  EXPECT_FALSE(pace.MayTake(kNowMs, 10));
  EXPECT_EQ(pace.ReadyAtMs(), kNowMs + 10);
  EXPECT_FALSE(pace.IsTooLong(5000));
  EXPECT_TRUE(pace.IsTooLong(5001));
}

TEST(Strangers, GoByNumberAndByTime) {
  Strangers strangers;
  for (std::uint64_t id = 1; id <= 3; ++id) strangers.Add(id, kNowMs + id);
  strangers.Add(1, kNowMs + 100);  // known already
  EXPECT_EQ(strangers.Superfluous(3), std::nullopt);
  EXPECT_EQ(strangers.Superfluous(2), std::optional<std::uint64_t>(1));
  EXPECT_TRUE(strangers.Overdue(kNowMs + 11, 10).empty());
  EXPECT_EQ(strangers.Overdue(kNowMs + 13, 10), (std::vector<std::uint64_t>{1, 2}));
  strangers.Remove(1);
  EXPECT_EQ(strangers.Count(), 2u);
}

}  // namespace
}  // namespace slotway::proxy
