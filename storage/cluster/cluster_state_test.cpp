// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/cluster_state.h"

#include <gtest/gtest.h>

#include "storage/cluster/cluster_fixture.h"

namespace slotway::storage::cluster {
namespace {

using protocol::kSlotCount;
using protocol::Slot;

// Owner counts, serve table and size, worked out from the public view alone.
void CheckInvariants(const ClusterState& state) {
  std::vector<std::uint32_t> counts(state.Nodes().size());
  for (int i = 0; i < kSlotCount; ++i) {
    NodeIndex owner = state.OwnerOf(Slot(i));
    if (owner != kNoNode) ++counts.at(static_cast<std::size_t>(owner));
    bool serves = state.IsUp() && state.HasMyself() && owner == state.MyIndex() &&
                  state.Myself().IsMaster() && state.MigratingTo(Slot(i)) == kNoNode &&
                  state.ImportingFrom(Slot(i)) == kNoNode;
    ASSERT_EQ(state.ServesDirectly(Slot(i)), serves) << "slot " << i;
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    EXPECT_EQ(state.Nodes()[i].slot_count, counts[i]);
    NodeIndex master = state.Nodes()[i].master;
    if (master != kNoNode) {
      EXPECT_LT(static_cast<std::size_t>(master), counts.size());
    }
    EXPECT_EQ(state.Nodes()[i].IsMyself(), NodeIndex(i) == state.MyIndex());
  }
}

TEST(ClusterStateTest, EmptyServesNothing) {
  ClusterState state;
  EXPECT_FALSE(state.IsUp());
  EXPECT_FALSE(state.HasMyself());
  EXPECT_FALSE(state.ServesDirectly(Slot(0)));
  EXPECT_EQ(state.OwnerOf(Slot(0)), kNoNode);
}

TEST(ClusterStateTest, ServesItsOwnSlotsOnly) {
  ClusterState state = ThreeShards(0);
  CheckInvariants(state);
  EXPECT_TRUE(state.IsUp());
  EXPECT_EQ(state.Size(), 3);
  EXPECT_TRUE(state.ServesDirectly(Slot(5460)));
  EXPECT_FALSE(state.ServesDirectly(Slot(5461)));
  EXPECT_EQ(state.SlotsOf(NodeIndex{0}), (std::vector<SlotRange>{{0, 5460}}));
}

TEST(ClusterStateTest, AReplicaServesNothing) {
  ClusterState state = ThreeShards(3);
  CheckInvariants(state);
  EXPECT_FALSE(state.ServesDirectly(Slot(0)));
  EXPECT_EQ(state.MasterOf(NodeIndex{3}), NodeIndex{0});
}

TEST(ClusterStateTest, AnOpenSlotIsNotServedDirectly) {
  ClusterState state = ThreeShards(0);
  state.SetMigrating(Slot(7), NodeIndex{1});
  state.SetImporting(Slot(9000), NodeIndex{1});
  CheckInvariants(state);
  EXPECT_FALSE(state.ServesDirectly(Slot(7)));
  state.SetMigrating(Slot(7), kNoNode);
  EXPECT_TRUE(state.ServesDirectly(Slot(7)));
}

TEST(ClusterStateTest, GoesDownWithAMissingSlotOnlyIfCoverageIsRequired) {
  ClusterState state = ThreeShards(0);
  state.Assign(Slot(16383), kNoNode);
  EXPECT_FALSE(state.IsUp());
  CheckInvariants(state);
  state.SetPolicy({.require_full_coverage = false});
  EXPECT_TRUE(state.IsUp());
  CheckInvariants(state);
}

TEST(ClusterStateTest, GoesDownWithoutAMajorityOfMasters) {
  ClusterState state = ThreeShards(0);
  state.SetPolicy({.require_full_coverage = false});
  state.SetFlag(NodeIndex{1}, NodeFlag::kSuspected, true);
  EXPECT_TRUE(state.IsUp());
  state.SetFlag(NodeIndex{2}, NodeFlag::kFailed, true);
  EXPECT_FALSE(state.IsUp());
  CheckInvariants(state);
  SlotHealth health = state.CountSlots();
  EXPECT_EQ(health.assigned, kSlotCount);
  EXPECT_EQ(health.suspected, 5462);
  EXPECT_EQ(health.failed, 5461);
  EXPECT_EQ(health.ok, 5461);
}

TEST(ClusterStateTest, AFailedMasterBreaksCoverage) {
  ClusterState state = ThreeShards(0);
  state.SetFlag(NodeIndex{1}, NodeFlag::kSuspected, true);
  EXPECT_TRUE(state.IsUp());
  state.SetFlag(NodeIndex{1}, NodeFlag::kFailed, true);
  EXPECT_FALSE(state.IsUp());
}

TEST(ClusterStateTest, RemovingANodeShiftsTheOthers) {
  ClusterState state = ThreeShards(2);
  state.SetImporting(Slot(1), NodeIndex{0});
  state.SetImporting(Slot(9000), NodeIndex{1});
  state.Remove(NodeIndex{0});
  CheckInvariants(state);
  EXPECT_EQ(state.MyIndex(), NodeIndex{1});
  EXPECT_EQ(state.OwnerOf(Slot(0)), kNoNode);
  EXPECT_EQ(state.OwnerOf(Slot(16383)), NodeIndex{1});
  EXPECT_EQ(state.ImportingFrom(Slot(1)), kNoNode);
  EXPECT_EQ(state.ImportingFrom(Slot(9000)), NodeIndex{0});
  // The replica of the removed node has no master, the others kept theirs.
  EXPECT_EQ(state.Node(NodeIndex{2}).master, kNoNode);
  EXPECT_EQ(state.Node(NodeIndex{3}).master, NodeIndex{0});
}

TEST(ClusterStateTest, BecomingAReplicaDropsSlots) {
  ClusterState state = ThreeShards(0);
  state.SetReplicaOf(NodeIndex{1}, NodeIndex{0});
  CheckInvariants(state);
  EXPECT_EQ(state.OwnerOf(Slot(6000)), kNoNode);
  EXPECT_EQ(state.Node(NodeIndex{1}).slot_count, 0u);
  state.SetMaster(NodeIndex{1});
  EXPECT_EQ(state.Node(NodeIndex{1}).master, kNoNode);
}

TEST(ClusterStateTest, RefusesAKnownId) {
  ClusterState state = ThreeShards(0);
  ClusterNode twin;
  twin.id = state.Myself().id;
  EXPECT_EQ(state.Add(twin), kNoNode);
}

TEST(ClusterStateTest, BumpsTheEpochOnlyWhenItIsNotTheHighest) {
  ClusterState state = ThreeShards(0);  // config epochs 1, 2, 3; current epoch 3
  EXPECT_TRUE(state.BumpConfigEpoch());
  EXPECT_EQ(state.Myself().config_epoch, Epoch(4));
  EXPECT_EQ(state.CurrentEpoch(), Epoch(4));
  EXPECT_FALSE(state.BumpConfigEpoch());
  EXPECT_EQ(state.Myself().config_epoch, Epoch(4));
}

TEST(ClusterStateTest, ShardIdFallsBackToTheMastersId) {
  ClusterState state = ThreeShards(0);
  EXPECT_EQ(state.ShardIdOf(NodeIndex{3}), state.Node(NodeIndex{0}).id);
  EXPECT_EQ(state.ShardIdOf(NodeIndex{1}), state.Node(NodeIndex{1}).id);
}

}  // namespace
}  // namespace slotway::storage::cluster
