// SPDX-License-Identifier: Apache-2.0
// What is on the disk first, and said then.
#include <gtest/gtest.h>
#include <vector>

#include "storage/cluster/test_bus.h"

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;

TEST(BusSavesTest, NobodyHearsOfANewEpochOfOnesOwnBeforeTheDiskHasIt) {
  TestBus node(0);
  node.Answer(1);
  const Epoch old_epoch = node.state.Myself().config_epoch;
  node.host.can_save = false;
  ASSERT_TRUE(node.state.BumpConfigEpoch());
  node.bus.SaveSoon();
  node.bus.TellAll();
  node.host.sent.clear();
  node.EndTurn();
  node.Pass(200);
  node.Tell(node.From(1, BusMessageType::kPing));
  std::vector<BusMessage> told = node.host.Sent(BusMessageType::kPong);
  ASSERT_FALSE(told.empty());
  for (const BusMessage& pong : told) EXPECT_EQ(pong.config_epoch, old_epoch);
  node.host.can_save = true;
  node.Pass(200);
  told = node.host.Sent(BusMessageType::kPong);
  EXPECT_EQ(told.back().config_epoch, node.state.Myself().config_epoch);
}

TEST(BusSavesTest, SlotsAreClaimedOnceTheDiskHasThem) {
  TestBus node(0);
  node.Answer(1);
  node.host.is_disk_slow = true;
  const auto taken = Slot(6000);
  node.state.Assign(taken, NodeIndex(0));
  node.bus.SaveSoon();
  node.bus.TellAll();
  node.host.sent.clear();
  node.EndTurn();
  for (const BusMessage& told : node.host.Sent(BusMessageType::kPong)) {
    EXPECT_TRUE(told.slots.Has(Slot(0)));
    EXPECT_FALSE(told.slots.Has(taken));
  }
  node.host.is_disk_slow = false;
  node.EndTurn();
  node.host.sent.clear();
  node.EndTurn();
  const std::vector<BusMessage> told = node.host.Sent(BusMessageType::kPong);
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(told.back().slots.Has(taken));
}

TEST(BusSavesTest, WhatCannotBeWrittenIsTriedAgainInTheNextTick) {
  TestBus node(0);
  node.host.can_save = false;
  const std::uint64_t save = node.bus.SaveSoon();
  node.EndTurn();
  EXPECT_EQ(node.host.told_save, save);
  const int saves = node.host.saves;
  node.EndTurn();
  EXPECT_EQ(node.host.saves, saves);
  node.host.can_save = true;
  node.Pass(100);
  EXPECT_EQ(node.host.saves, saves + 1);
  node.Pass(100);
  EXPECT_EQ(node.host.saves, saves + 1);
}

TEST(BusSavesTest, FirstSlotsAreNotServedBeforeOthersMayHearOfThem) {
  ClusterState view = ThreeShards(0);
  for (int i = 0; i < protocol::kSlotCount; ++i) {
    if (view.OwnerOf(Slot(i)) == NodeIndex(0)) view.Assign(Slot(i), kNoNode);
  }
  view.SetReplicaOf(NodeIndex(3), NodeIndex(1));
  TestBus node(view, {});
  node.answering = {1, 2};
  node.host.can_save = false;
  {
    ClusterState::Batch batch(node.state);
    for (int i = 0; i < protocol::kSlotCount; ++i) {
      if (node.state.OwnerOf(Slot(i)) == kNoNode) node.state.Assign(Slot(i), NodeIndex(0));
    }
  }
  node.bus.SaveSoon();
  node.Pass(500);
  EXPECT_FALSE(node.state.IsUp());
  node.host.can_save = true;
  node.Pass(200);
  EXPECT_TRUE(node.state.IsUp());
}

// Node 3 asks for votes, and gets them.
void Elect(TestBus& node) {
  node.Tell(node.Fail(1, 0));
  node.Pass(300);
  ASSERT_EQ(node.host.Sent(BusMessageType::kVoteRequest).size(), 5u);
  node.host.sent.clear();
  for (int voter : {1, 2}) {
    BusMessage vote = node.From(voter, BusMessageType::kVote);
    vote.current_epoch = node.state.CurrentEpoch();
    node.bus.OnMessage(node.links[voter], vote);
  }
}

TEST(BusSavesTest, AVictoryIsOneWhenTheDiskHasIt) {
  TestBus node(3);
  Elect(node);
  node.bus.EndOfTurn();
  EXPECT_TRUE(node.state.Myself().IsReplica());
  node.EndTurn();
  EXPECT_TRUE(node.state.Myself().IsMaster());
  node.EndTurn();
  ASSERT_FALSE(node.host.Sent(BusMessageType::kPong).empty());
  const BusMessage claim = node.host.Sent(BusMessageType::kPong).back();
  EXPECT_FALSE(claim.master);
  EXPECT_EQ(claim.config_epoch, Epoch(4));
  EXPECT_TRUE(claim.slots.Has(Slot(0)));
}

TEST(BusSavesTest, AVictoryThatCannotBeWrittenHasNotHappened) {
  TestBus node(3);
  Elect(node);
  node.host.can_save = false;
  node.EndTurn();
  EXPECT_TRUE(node.state.Myself().IsReplica());
  EXPECT_FALSE(node.host.is_master && !node.host.follows.empty());
  EXPECT_EQ(node.state.OwnerOf(Slot(0)), NodeIndex(0));
  for (const auto& [link, message] : node.host.sent) EXPECT_TRUE(message.master);
  // It stands again when the disk is well.
  node.host.can_save = true;
  node.answering = {1, 2};
  node.Pass(1000);
  EXPECT_FALSE(node.host.Sent(BusMessageType::kVoteRequest).empty());
}

TEST(BusSavesTest, AVictoryOutlivesNoVotersPromise) {
  TestBus node(3);
  Elect(node);
  node.host.is_disk_slow = true;
  node.Pass(4100);
  node.host.is_disk_slow = false;
  node.EndTurn();
  EXPECT_TRUE(node.state.Myself().IsReplica());
}

TEST(BusSavesTest, AVictoryThatNobodyHasHeardOfWaitsAfterARestart) {
  ClusterState disk = ThreeShards(3);
  disk.TakePlace(NodeIndex(0), Epoch(9));
  TestBus node(disk, {});
  node.answering = {1, 2};
  node.Pass(1900);
  EXPECT_FALSE(node.state.IsUp());
  node.Pass(400);
  EXPECT_TRUE(node.state.IsUp());
  EXPECT_FALSE(node.state.IsTakingOver());
}

TEST(BusSavesTest, AnswersToAnEpochThatWasNotSaidAreNone) {
  TestBus node(0);
  node.host.offset = 100;
  node.answering = {1, 2};
  node.Pass(200);
  ASSERT_TRUE(node.state.IsUp());
  node.host.is_disk_slow = true;
  BusMessage other = node.From(3, BusMessageType::kPing);  // claims the same in the same epoch
  other.master.reset();
  other.config_epoch = node.state.Myself().config_epoch;
  other.offset = 50;
  node.Tell(other);
  ASSERT_GT(node.state.Myself().config_epoch, other.config_epoch);
  node.Pass(4000);
  EXPECT_FALSE(node.state.IsUp());
  node.host.is_disk_slow = false;
  node.Pass(1900);
  EXPECT_FALSE(node.state.IsUp());
  node.Pass(1000);
  EXPECT_TRUE(node.state.IsUp());
}

}  // namespace
}  // namespace slotway::storage::cluster
