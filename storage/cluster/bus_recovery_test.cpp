// SPDX-License-Identifier: Apache-2.0
// A master without its data, and one that is about to go.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/cluster/test_bus.h"

namespace slotway::storage::cluster {
namespace {

TEST(BusRecoveryTest, AMasterWithoutDataServesWhenItsReplicasHaveNone) {
  TestBus node(0);
  node.bus.OnLoaded(false);
  EXPECT_TRUE(node.bus.LacksData());
  node.Answer(1);
  node.Tell(node.From(1, BusMessageType::kPing));
  EXPECT_TRUE(node.host.Sent(BusMessageType::kPong).back().HasMessageFlag(kBusLacksData));
  BusMessage empty = node.From(3, BusMessageType::kPing);
  empty.offset = 0;
  node.Tell(empty);
  EXPECT_FALSE(node.bus.LacksData());
  EXPECT_TRUE(node.state.IsUp());
  EXPECT_TRUE(node.host.asked.empty());
}

TEST(BusRecoveryTest, AMasterThatHasAllOfALogAsksNobody) {
  TestBus node(0);
  node.bus.OnLoaded(true);
  EXPECT_FALSE(node.bus.LacksData());
}

TEST(BusRecoveryTest, AMasterWithoutDataAsksItsReplicaToTakeOver) {
  TestBus node(0);
  node.bus.OnLoaded(false);
  node.Answer(1);
  BusMessage full = node.From(3, BusMessageType::kPing);
  full.offset = 500;
  node.Tell(full);
  EXPECT_TRUE(node.bus.LacksData());
  EXPECT_EQ(node.host.asked, std::vector<std::string>{"127.0.0.1:7004 forced"});
  // It claims the slots: this node is its replica.
  BusMessage claim = node.From(3, BusMessageType::kPing);
  claim.master.reset();
  claim.wire_flags = FlagsToWire(NodeFlag::kMaster);
  claim.config_epoch = claim.current_epoch = Epoch(7);
  node.Tell(claim);
  EXPECT_FALSE(node.bus.LacksData());
  EXPECT_EQ(node.host.follows, "127.0.0.1:7004");
}

// Redis's replicas win by old votes if they fail over twice in a row: nobody accepts it, and they
// are replicas again a moment later.
TEST(BusRecoveryTest, AFormerReplicaThatClaimsSlotsInVainStillHasTheData) {
  TestBus node(0);
  node.bus.OnLoaded(false);
  BusMessage claim = node.From(3, BusMessageType::kPing);
  claim.master.reset();
  claim.wire_flags = FlagsToWire(NodeFlag::kMaster);
  claim.config_epoch = Epoch(0);
  claim.offset = 500;
  node.Tell(claim);
  EXPECT_TRUE(node.state.Myself().IsMaster());
  EXPECT_TRUE(node.bus.LacksData());
  BusMessage full = node.From(3, BusMessageType::kPing);
  full.offset = 500;
  node.Tell(full);
  EXPECT_TRUE(node.bus.LacksData());
  EXPECT_EQ(node.host.asked.size(), 1u);
}

TEST(BusRecoveryTest, AMasterWithoutDataGivesUpWaitingAndThenWaitsForItsLease) {
  TestBus node(0);
  node.answering = {1, 2};
  node.bus.OnLoaded(false);
  node.Pass(3900);
  EXPECT_TRUE(node.bus.LacksData());
  node.Pass(300);
  EXPECT_FALSE(node.bus.LacksData());
  EXPECT_FALSE(node.state.IsUp());
  node.Pass(4200);
  EXPECT_TRUE(node.state.IsUp());
}

TEST(BusRecoveryTest, WhoIsAskedInVainIsShownThatTheMasterIsGone) {
  TestBus node(0);
  node.answering = {1, 2, 3};
  node.state.SetReplOffset(NodeIndex(3), 500);
  node.bus.OnLoaded(false);
  BusMessage full = node.From(3, BusMessageType::kPing);
  full.offset = 500;
  for (int i = 0; i < 90 && node.host.asked.size() < 3; ++i) {
    node.Tell(full);
    node.host.now_ms += 100;
    node.bus.Tick();
  }
  ASSERT_EQ(node.host.asked.size(), 3u);
  node.host.now_ms += 2100;
  node.Tell(full);
  node.host.sent.clear();
  node.host.now_ms += 100;
  node.Tell(full);
  EXPECT_TRUE(node.host.sent.empty());
  EXPECT_TRUE(node.bus.LacksData());
}

TEST(BusRecoveryTest, AForcedFailoverOfAMasterWithoutDataNeedsNoWait) {
  TestBus replica(3);
  replica.host.offset = 41;
  BusMessage master = replica.From(0, BusMessageType::kPing);
  master.message_flags = kBusLacksData;
  replica.Tell(master);
  ASSERT_EQ(replica.bus.Failover(FailoverKind::kForce), "");
  replica.EndTurn();
  ASSERT_EQ(replica.host.Sent(BusMessageType::kVoteRequest).size(), 5u);  // at once
  for (int voter : {1, 2}) {
    BusMessage vote = replica.From(voter, BusMessageType::kVote);
    vote.current_epoch = replica.state.CurrentEpoch();
    replica.Tell(vote);
  }
  ASSERT_TRUE(replica.state.Myself().IsMaster());
  for (int voter : {1, 1, 1, 2, 2, 2}) replica.Answer(voter);  // also what was asked before
  EXPECT_TRUE(replica.state.IsUp());
}

TEST(BusRecoveryTest, AMasterThatIsAboutToGoAsksTheReplicaWithMostData) {
  TestBus node(0);
  EXPECT_FALSE(node.bus.HandOver(1000));  // it does not serve
  node.Answer(1);
  EXPECT_FALSE(node.bus.HandOver(1000));  // nobody has any data
  BusMessage replica = node.From(3, BusMessageType::kPing);
  replica.offset = 10;
  const std::uint16_t usual_flags = replica.wire_flags;
  replica.wire_flags |= FlagsToWire(NodeFlag::kNoFailover);
  node.Tell(replica);
  EXPECT_FALSE(node.bus.HandOver(1000));  // it is not to take over by itself
  replica.wire_flags = usual_flags;
  node.Tell(replica);
  ASSERT_TRUE(node.bus.HandOver(1000));
  EXPECT_EQ(node.host.asked, std::vector<std::string>{"127.0.0.1:7004"});
  EXPECT_TRUE(node.bus.IsHandingOver());
  node.bus.OnTakeoverAnswer("NOAUTH");
  EXPECT_FALSE(node.bus.IsHandingOver());
  node.answering = {1, 2, 3};
  ASSERT_TRUE(node.bus.HandOver(1000));
  node.Pass(1000);
  EXPECT_FALSE(node.bus.IsHandingOver());
}

TEST(BusRecoveryTest, AReplicaThatIsReadySinceAMomentAgoIsKnownByItsLink) {
  TestBus node(0);
  node.Answer(1);
  BusMessage replica = node.From(3, BusMessageType::kPing);
  node.Tell(replica);
  ASSERT_EQ(node.state.Node(NodeIndex(3)).repl_offset, 0);
  EXPECT_FALSE(node.bus.HandOver(1000));
  node.host.acknowledged["127.0.0.1:7005"] = 100;  // a replica of somebody else
  EXPECT_FALSE(node.bus.HandOver(1000));
  node.host.acknowledged["127.0.0.1:7004"] = 0;
  replica.wire_flags |= FlagsToWire(NodeFlag::kNoFailover);
  node.Tell(replica);
  EXPECT_FALSE(node.bus.HandOver(1000));  // it is not to take over by itself
  replica.wire_flags = FlagsToWire(NodeFlag::kReplica);
  node.Tell(replica);
  ASSERT_TRUE(node.bus.HandOver(1000));
  EXPECT_EQ(node.host.asked, std::vector<std::string>{"127.0.0.1:7004"});
}

TEST(BusRecoveryTest, WhenALinkWasMadeDoesNotMoveWithTheClocks) {
  TestBus node(0);
  const std::vector<LinkDescription> before = node.bus.Links();
  ASSERT_FALSE(before.empty());
  EXPECT_EQ(before[0].created_unix_ms, node.host.UnixMs());
  node.host.now_ms += 1000;
  node.host.began_unix_ms += 1;
  EXPECT_EQ(node.bus.Links()[0].created_unix_ms, before[0].created_unix_ms);
}

// A pod that was restarted: it follows the stream from a new address before the bus knows that one.
TEST(BusRecoveryTest, AReplicaThatCameBackAMomentAgoIsExpected) {
  TestBus node(0);
  EXPECT_FALSE(node.bus.ExpectsHeir());  // it does not serve
  node.Answer(1);
  EXPECT_FALSE(node.bus.ExpectsHeir());  // no replica is attached
  BusMessage replica = node.From(3, BusMessageType::kPing);
  node.Tell(replica);
  node.host.has_replicas = true;
  node.state.SetFlag(NodeIndex(3), NodeFlag::kFailed, true);
  node.host.acknowledged["127.0.0.1:7104"] = 100;
  EXPECT_FALSE(node.bus.HandOver(1000));
  EXPECT_TRUE(node.bus.ExpectsHeir());
  node.state.SetFlag(NodeIndex(3), NodeFlag::kFailed, false);
  replica.offset = 100;
  node.Tell(replica);
  EXPECT_TRUE(node.bus.HandOver(1000));
  replica.wire_flags |= FlagsToWire(NodeFlag::kNoFailover);
  node.Tell(replica);
  EXPECT_FALSE(node.bus.ExpectsHeir());  // it is not to take over by itself
}

TEST(BusRecoveryTest, WhoFollowsComesBeforeWhoSaysThatItHasMore) {
  TestBus node(0);
  node.Answer(1);
  for (int place : {3, 4}) {
    BusMessage replica = node.From(place, BusMessageType::kPing);
    replica.master = *NodeId::Parse(TestId(0));
    replica.offset = place == 3 ? 500 : 10;  // it had so much when it was heard last
    node.Tell(replica);
  }
  node.host.acknowledged["127.0.0.1:7005"] = 600;
  ASSERT_TRUE(node.bus.HandOver(1000));
  EXPECT_EQ(node.host.asked.back(), "127.0.0.1:7005");
  node.host.acknowledged["127.0.0.1:7004"] = 601;
  ASSERT_TRUE(node.bus.HandOver(1000));
  EXPECT_EQ(node.host.asked.back(), "127.0.0.1:7004");
}

}  // namespace
}  // namespace slotway::storage::cluster
