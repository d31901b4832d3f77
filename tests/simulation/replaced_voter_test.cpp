// SPDX-License-Identifier: Apache-2.0
// Directed: one voter has been replaced, and neither it nor a candidate has heard of that.
//
// Nodes 0, 1 and 2 are the masters A, B and C, and 3, 4 and 5 their replicas. B is replaced by 4,
// C is about to be by 5. C reaches 4 alone, and so may go on serving with it; 5 reaches A and B,
// and so may be elected by them.
#include <gtest/gtest.h>
#include <initializer_list>
#include <string>

#include "tests/simulation/simulated_cluster.h"

namespace slotway::simulation {
namespace {

using storage::cluster::FailoverKind;

constexpr std::int64_t kTimeoutMs = 1000;
constexpr int kNodes = 6;

class ReplacedVoter {
 public:
  explicit ReplacedVoter(std::uint64_t seed)
      : world({.seed = seed, .masters = 3, .replicas_of_each = 1, .node_timeout_ms = kTimeoutMs}) {
    for (int i = 0; i < kNodes; ++i) {
      storage::cluster::ClusterState& state = world.Node(i).State();
      storage::cluster::ClusterPolicy policy = state.Policy();
      policy.require_full_coverage = false;
      state.SetPolicy(policy);
    }
  }

  // Of these no two reach each other but those who are named as pairs.
  void OnlyThese(std::initializer_list<std::pair<int, int>> pairs) {
    for (int a = 0; a < kNodes; ++a) {
      for (int b = a + 1; b < kNodes; ++b) world.SetCut(a, b, true);
    }
    for (const auto& [a, b] : pairs) world.SetCut(a, b, false);
  }
  bool IsMaster(int number) { return world.Node(number).IsMaster(); }
  bool IsFailedFor(int seen_by, int number) {
    const storage::cluster::ClusterState& state = world.Node(seen_by).State();
    return state.Node(state.Find(world.Node(number).State().Myself().id)).IsFailed();
  }
  // A and B hold C for failed, whose replica has not heard of that; 4 has forgotten it.
  void LoseC() {
    OnlyThese({{0, 1}, {0, 3}, {0, 4}, {1, 3}, {1, 4}, {3, 4}});
    world.Run(3 * kTimeoutMs);
    ASSERT_TRUE(IsFailedFor(0, 2) && IsFailedFor(1, 2));
    OnlyThese({{0, 1}, {0, 3}, {0, 4}, {1, 3}, {1, 4}, {3, 4}, {2, 4}});
    world.Run(4 * kTimeoutMs);
    ASSERT_FALSE(IsFailedFor(4, 2));
    ASSERT_TRUE(IsFailedFor(0, 2) && IsFailedFor(1, 2));
    ASSERT_FALSE(world.Node(2).MayServeWrites());
  }
  // Until one of them serves what C has.
  void LetTheReplicaOfCStand() {
    for (int i = 0; i < 100 && world.Violation().empty(); ++i) world.Run(100);
  }

  SimulatedCluster world;
};

TEST(ReplacedVoter, WhoIsElectedByAVoterOfBeforeHasHeardOfTheOneInItsPlace) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    ReplacedVoter it(seed);
    it.LoseC();
    it.OnlyThese({{0, 4}, {2, 4}, {0, 3}, {3, 4}});
    it.world.FailOver(it.world.Node(4), FailoverKind::kForce);
    it.world.Run(3 * kTimeoutMs);
    ASSERT_TRUE(it.IsMaster(1) && it.IsMaster(4));
    ASSERT_TRUE(it.world.Node(2).MayServeWrites());
    it.OnlyThese({{0, 4}, {2, 4}, {0, 3}, {3, 4}, {0, 5}, {1, 5}});
    it.LetTheReplicaOfCStand();
    EXPECT_EQ(it.world.Violation(), "") << "seed " << seed;
    EXPECT_TRUE(it.world.Node(2).MayServeWrites());
  }
}

// A has voted for 4, and hears nothing of what came of that: C alone does.
TEST(ReplacedVoter, WhoIsNotKnownToMostGrantsNoLease) {
  int tried = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    ReplacedVoter it(seed);
    it.LoseC();
    it.OnlyThese({{0, 4}, {2, 4}});
    it.world.Node(4).is_disk_slow = true;
    const auto votes_before = it.world.Node(0).Disk().LastVoteEpoch();
    it.world.FailOver(it.world.Node(4), FailoverKind::kForce);
    for (int i = 0; i < 3000 && it.world.Node(0).Disk().LastVoteEpoch() == votes_before; ++i) {
      it.world.Run(1);
    }
    it.world.Run(10);  // the vote arrives
    if (it.IsMaster(4)) continue;
    it.OnlyThese({{2, 4}});
    it.world.Run(4 * kTimeoutMs);
    if (!it.IsMaster(4)) continue;
    ++tried;
    it.OnlyThese({{2, 4}, {0, 5}, {1, 5}});
    it.LetTheReplicaOfCStand();
    EXPECT_EQ(it.world.Violation(), "") << "seed " << seed;
    EXPECT_TRUE(it.world.Node(5).MayServeWrites()) << "seed " << seed;
  }
  EXPECT_GT(tried, 3);
}

// B votes for 5, and is replaced by 4 before 5 serves: 4 knows nothing of that vote.
TEST(ReplacedVoter, AVoteOfWhoIsNoVoterAnyMoreHoldsBackNobody) {
  int elected = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    ReplacedVoter it(seed);
    it.LoseC();
    it.OnlyThese({{0, 4}, {2, 4}, {0, 5}, {1, 5}});
    const auto votes_before = it.world.Node(1).Disk().LastVoteEpoch();
    for (int i = 0; i < 9000 && it.world.Node(1).Disk().LastVoteEpoch() == votes_before; ++i) {
      it.world.Run(1);
    }
    it.world.Node(5).paused_until_us = it.world.TimeUs() + 800 * 1000;
    it.world.Node(0).Bus().TellAll();  // of the epoch
    it.world.Run(10);
    if (it.IsMaster(5)) continue;
    it.OnlyThese({{0, 4}, {2, 4}, {0, 5}, {4, 5}});
    it.world.FailOver(it.world.Node(4), FailoverKind::kForce);
    it.world.Run(500);
    if (!it.IsMaster(4) || it.IsMaster(5)) continue;
    bool is_c_serving = false;
    for (int i = 0; i < 6000 && it.world.Violation().empty(); ++i) {
      it.world.Run(1);
      is_c_serving = is_c_serving || it.world.Node(2).MayServeWrites();
    }
    EXPECT_TRUE(is_c_serving) << "seed " << seed;
    elected += it.IsMaster(5) ? 1 : 0;
    EXPECT_EQ(it.world.Violation(), "") << "seed " << seed;
  }
  EXPECT_GT(elected, 1);
}

}  // namespace
}  // namespace slotway::simulation
