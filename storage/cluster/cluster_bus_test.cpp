// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/cluster_bus.h"

#include <gtest/gtest.h>
#include <map>
#include <set>
#include <utility>

#include "storage/cluster/test_bus.h"

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;

TEST(ClusterBusTest, AMasterServesOnlyWithAMajority) {
  TestBus node(0);
  EXPECT_FALSE(node.state.IsUp());
  node.Answer(1);
  EXPECT_TRUE(node.state.IsUp());
  node.host.now_ms += 1499;
  node.bus.CheckLease();
  EXPECT_TRUE(node.state.IsUp());
  node.host.now_ms += 1;
  node.bus.CheckLease();
  EXPECT_FALSE(node.state.IsUp());
}

TEST(ClusterBusTest, AnAnswerThatCallsMeFailedIsNoConsent) {
  TestBus node(0);
  BusMessage pong = node.From(1, BusMessageType::kPong);
  pong.gossip.push_back({.id = *NodeId::Parse(TestId(0)),
                         .ip = "127.0.0.1",
                         .wire_flags = FlagsToWire(NodeFlag::kFailed)});
  node.Tell(pong);
  EXPECT_FALSE(node.state.IsUp());
}

TEST(ClusterBusTest, WithoutALeaseItServesAtOnce) {
  BusSettings settings;
  settings.lease_ms = 0;
  TestBus node(0, settings);
  EXPECT_TRUE(node.state.IsUp());
}

TEST(ClusterBusTest, WhoCannotBeReplacedByAVoteNeedsNoLease) {
  ClusterState view = ThreeShards(0);
  for (int place : {5, 4, 3}) view.Remove(NodeIndex(place));
  TestBus node(view, {});
  node.bus.CheckLease();
  EXPECT_TRUE(node.state.IsUp());
  node.host.now_ms += 60'000;
  node.host.has_replicas = true;  // one came before the pause
  node.bus.CheckLease();
  EXPECT_FALSE(node.state.IsUp());
  // Others may still know it as a replica.
  node.host.has_replicas = false;
  node.bus.CheckLease();
  EXPECT_FALSE(node.state.IsUp());
  EXPECT_TRUE(node.bus.MayBeReplaced());
  node.answering = {1, 2};
  node.Pass(1000);
  EXPECT_TRUE(node.state.IsUp());
}

TEST(ClusterBusTest, WhoMayHaveHadAReplicaBeforeItsStartNeedsTheLease) {
  ClusterState view = ThreeShards(0);
  view.SetReplicaOf(NodeIndex(3), NodeIndex(1));
  TestBus node(view, {});
  node.bus.CheckLease();
  EXPECT_FALSE(node.state.IsUp());
}

TEST(ClusterBusTest, AClosedLinkAndARefusedConnectionAreEvidence) {
  TestBus node(0);
  node.Answer(1);
  node.Answer(2);
  node.host.sent.clear();
  node.bus.OnClosed(node.links[1]);
  const LinkId again = node.host.connected.back().second;
  EXPECT_NE(again, node.links[1]);
  EXPECT_FALSE(node.state.Node(NodeIndex(1)).IsSuspected());
  node.bus.OnConnectFailed(again, true);
  EXPECT_TRUE(node.state.Node(NodeIndex(1)).IsSuspected());
  // The others hear of it at once, and one of them agrees.
  EXPECT_FALSE(node.host.Sent(BusMessageType::kPing).empty());
  BusMessage ping = node.From(2, BusMessageType::kPing);
  ping.gossip.push_back({.id = *NodeId::Parse(TestId(1)),
                         .ip = "127.0.0.1",
                         .port = 7002,
                         .bus_port = 17002,
                         .wire_flags = FlagsToWire(NodeFlag::kSuspected)});
  node.Tell(ping);
  EXPECT_TRUE(node.state.Node(NodeIndex(1)).IsFailed());
  EXPECT_FALSE(node.host.Sent(BusMessageType::kFail).empty());
}

TEST(ClusterBusTest, ARefusedConnectionIsNoEvidenceAgainstWhoNeverWasThere) {
  TestBus node(0);
  node.bus.OnConnectFailed(node.links[1], true);
  EXPECT_FALSE(node.state.Node(NodeIndex(1)).IsSuspected());
}

TEST(ClusterBusTest, SilenceIsSuspectAfterTheTimeout) {
  TestBus node(0);
  node.Answer(1);
  node.Pass(2000);
  EXPECT_FALSE(node.state.Node(NodeIndex(1)).IsSuspected());
  node.Pass(200);
  EXPECT_TRUE(node.state.Node(NodeIndex(1)).IsSuspected());
}

TEST(ClusterBusTest, AVoteIsOnTheDiskBeforeItIsSent) {
  TestBus node(1);
  node.Answer(0);
  node.answering = {2, 3, 4, 5};
  node.Tell(node.Fail(2, 0));
  BusMessage request = node.From(3, BusMessageType::kVoteRequest);
  // What was answered to the old master may still be its lease.
  request.current_epoch = Epoch(9);
  node.Tell(request);
  EXPECT_TRUE(node.host.Sent(BusMessageType::kVote).empty());
  node.Pass(2100);
  node.host.can_save = false;
  request.current_epoch = Epoch(10);
  node.Tell(request);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote).size(), 1u);
  node.host.can_save = true;
  node.host.sent.clear();
  request.current_epoch = Epoch(11);
  node.Tell(request);
  ASSERT_EQ(node.host.Sent(BusMessageType::kVote).size(), 1u);
  EXPECT_EQ(node.host.saved_vote_epoch, Epoch(11));
  node.Tell(request);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote).size(), 1u);
}

TEST(ClusterBusTest, SilenceCountsFromWhatWasHeardLast) {
  TestBus node(0);
  node.Answer(1);
  node.Pass(1500);
  node.Tell(node.From(1, BusMessageType::kPing));
  node.Pass(2000);
  EXPECT_FALSE(node.state.Node(NodeIndex(1)).IsSuspected());
  node.Pass(200);
  EXPECT_TRUE(node.state.Node(NodeIndex(1)).IsSuspected());
}

TEST(ClusterBusTest, ASlowDiskHoldsUpTheVoteAndNothingElse) {
  TestBus node(1);
  node.Answer(0);
  node.answering = {2, 3, 4, 5};
  node.Tell(node.Fail(2, 0));
  node.Pass(2100);
  node.host.is_disk_slow = true;
  BusMessage request = node.From(3, BusMessageType::kVoteRequest);
  request.current_epoch = Epoch(9);
  node.host.sent.clear();
  node.Tell(request);
  node.Tell(node.From(2, BusMessageType::kPing));
  node.Pass(500);
  EXPECT_TRUE(node.host.Sent(BusMessageType::kVote).empty());
  EXPECT_FALSE(node.host.Sent(BusMessageType::kPong).empty());
  node.host.is_disk_slow = false;
  node.EndTurn();
  ASSERT_EQ(node.host.Sent(BusMessageType::kVote).size(), 1u);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote)[0].current_epoch, Epoch(9));
}

TEST(ClusterBusTest, AKnownDeadMasterNeedsNoWait) {
  TestBus node(1);
  node.Answer(0);
  node.bus.OnClosed(node.links[0]);
  node.bus.OnConnectFailed(node.host.connected.back().second, true);
  node.Tell(node.Fail(2, 0));
  BusMessage request = node.From(3, BusMessageType::kVoteRequest);
  request.current_epoch = Epoch(9);
  node.Tell(request);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote).size(), 1u);
}

TEST(ClusterBusTest, WhoGotAVoteAndIsGoneStandsInNobodysWay) {
  TestBus node(1);
  auto refuse = [&node](int place) {
    node.Answer(place);
    node.bus.OnClosed(node.links[place]);
    node.bus.OnConnectFailed(node.host.connected.back().second, true);
  };
  refuse(0);
  node.Tell(node.Fail(2, 0));
  BusMessage request = node.From(3, BusMessageType::kVoteRequest);
  request.current_epoch = Epoch(9);
  node.Tell(request);
  ASSERT_EQ(node.host.Sent(BusMessageType::kVote).size(), 1u);
  BusMessage other = node.From(4, BusMessageType::kVoteRequest);  // another replica of the same
  other.current_epoch = Epoch(10);
  other.master = request.master;
  other.slots = request.slots;
  other.config_epoch = request.config_epoch;
  node.Tell(other);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote).size(), 1u);
  refuse(3);
  node.Tell(other);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote).size(), 2u);
}

// Node 3, a replica of node 0, has got the vote of `node` in epoch 9 and taken over; what node 0,
// its replica now, asks for votes with.
BusMessage RequestAfterTakeover(TestBus& node) {
  BusMessage request = node.From(3, BusMessageType::kVoteRequest);
  request.current_epoch = Epoch(9);
  request.message_flags = kBusForceAck;
  node.Tell(request);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote).size(), 1u);
  BusMessage claim = node.From(3, BusMessageType::kPing);
  claim.master.reset();
  claim.wire_flags = FlagsToWire(NodeFlag::kMaster);
  claim.config_epoch = claim.current_epoch = Epoch(9);
  node.Tell(claim);
  BusMessage back = node.From(0, BusMessageType::kVoteRequest);
  back.wire_flags = FlagsToWire(NodeFlag::kReplica);
  back.master = *NodeId::Parse(TestId(3));
  back.slots = node.state.BitmapOf(NodeIndex(3));
  back.config_epoch = Epoch(9);
  back.current_epoch = Epoch(10);
  return back;
}

TEST(ClusterBusTest, AVoteDoesNotStandAgainstAReplicaOfTheOneThatGotIt) {
  TestBus node(1);
  BusMessage back = RequestAfterTakeover(node);
  node.answering = {0, 2, 4, 5};
  node.Tell(node.Fail(2, 3));  // silent, not known to be gone
  node.Tell(back);
  node.Pass(1500);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote).size(), 1u);  // its lease may not be over
  node.Pass(700);
  back.current_epoch = Epoch(11);
  node.Tell(back);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote).size(), 2u);
}

TEST(ClusterBusTest, AMasterMayHandOverAtOnceWhatItWasGivenAMomentAgo) {
  TestBus node(1);
  BusMessage back = RequestAfterTakeover(node);
  node.Tell(back);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote).size(), 1u);  // nobody has agreed to it
  back.message_flags = kBusForceAck;
  node.Tell(back);
  EXPECT_EQ(node.host.Sent(BusMessageType::kVote).size(), 2u);
}

TEST(ClusterBusTest, ARefusingVoterTellsWhy) {
  TestBus node(1);
  node.state.SetConfigEpoch(NodeIndex(0), Epoch(8));
  node.Tell(node.Fail(2, 0));
  BusMessage request = node.From(3, BusMessageType::kVoteRequest);
  request.current_epoch = Epoch(9);
  request.config_epoch = Epoch(1);
  node.Tell(request);
  ASSERT_EQ(node.host.Sent(BusMessageType::kUpdate).size(), 1u);
  EXPECT_EQ(node.host.Sent(BusMessageType::kUpdate)[0].update.config_epoch, Epoch(8));
  EXPECT_TRUE(node.host.Sent(BusMessageType::kVote).empty());
}

TEST(ClusterBusTest, AReplicaIsElectedAndTakesTheSlots) {
  TestBus node(3);
  node.Tell(node.Fail(1, 0));
  node.Pass(300);
  ASSERT_EQ(node.host.Sent(BusMessageType::kVoteRequest).size(), 5u);  // to everybody
  BusMessage vote = node.From(1, BusMessageType::kVote);
  vote.current_epoch = node.state.CurrentEpoch();
  node.Tell(vote);
  EXPECT_TRUE(node.state.Myself().IsReplica());
  vote = node.From(2, BusMessageType::kVote);
  node.Tell(vote);
  EXPECT_TRUE(node.state.Myself().IsMaster());
  EXPECT_TRUE(node.host.is_master);
  EXPECT_EQ(node.state.Myself().slot_count, 5461u);
  EXPECT_EQ(node.state.Myself().config_epoch, Epoch(4));
}

TEST(ClusterBusTest, ACandidateHearsTheOthersFirstWhereReplicasHaveWhatWasConfirmed) {
  BusSettings settings;
  settings.replicas_to_ack = 1;
  TestBus node(3, settings);
  node.host.offset = 100;
  const auto other = [&](std::int64_t offset) {
    BusMessage pong = node.From(4, BusMessageType::kPong);
    pong.master = *NodeId::Parse(TestId(0));
    pong.config_epoch = node.state.Node(NodeIndex(0)).config_epoch;
    pong.slots = node.state.BitmapOf(NodeIndex(0));
    pong.offset = offset;
    return pong;
  };
  const auto votes = [&] { return node.host.Sent(BusMessageType::kVoteRequest).size(); };
  node.Tell(other(50));
  node.Tell(node.Fail(1, 0));
  node.Pass(1000);
  EXPECT_EQ(votes(), 0u);  // what it said before the failure does not count
  EXPECT_FALSE(node.host.Sent(BusMessageType::kFail).empty());
  for (int i = 0; i < 10; ++i) {
    node.Tell(other(200));
    node.Pass(100);
  }
  EXPECT_EQ(votes(), 0u);  // it has more
  for (int i = 0; i < 10; ++i) {
    node.Tell(other(100));
    node.Pass(100);
  }
  EXPECT_NE(votes(), 0u);
}

TEST(ClusterBusTest, AReplicaWithoutACopyDoesNotStand) {
  TestBus node(3);
  node.host.has_copy = false;
  node.Tell(node.Fail(1, 0));
  node.Pass(10'000);
  EXPECT_TRUE(node.host.Sent(BusMessageType::kVoteRequest).empty());
  EXPECT_FALSE(node.bus.Failover(FailoverKind::kForce).empty());
}

TEST(ClusterBusTest, WhatWasSentEarlierDoesNotOverruleWhatCameFirst) {
  TestBus node(0);
  BusMessage late = node.From(1, BusMessageType::kPing);
  BusMessage newer = late;
  newer.current_epoch = newer.config_epoch = Epoch(20);
  newer.slots = SlotBitmap();
  newer.slots.Add(Slot(6000));
  node.Tell(newer);
  late.master = *NodeId::Parse(TestId(2));
  node.Tell(late);
  EXPECT_TRUE(node.state.Node(NodeIndex(1)).IsMaster());
  EXPECT_EQ(node.state.Node(NodeIndex(1)).config_epoch, Epoch(20));
}

TEST(ClusterBusTest, AHigherEpochTakesSlotsAndALowerOneGetsUpdate) {
  TestBus node(0);
  BusMessage claim = node.From(1, BusMessageType::kPing);
  claim.slots.Add(Slot(3));
  claim.config_epoch = claim.current_epoch = Epoch(7);
  node.Tell(claim);
  EXPECT_EQ(node.state.OwnerOf(Slot(3)), NodeIndex(1));
  BusMessage stale = node.From(2, BusMessageType::kPing);
  stale.slots.Add(Slot(3));
  stale.current_epoch = Epoch(7);
  node.Tell(stale);
  EXPECT_EQ(node.state.OwnerOf(Slot(3)), NodeIndex(1));
  ASSERT_FALSE(node.host.Sent(BusMessageType::kUpdate).empty());
  EXPECT_EQ(node.host.Sent(BusMessageType::kUpdate).back().update.owner.Text(), TestId(1));
}

TEST(ClusterBusTest, AMasterThatLostItsLastSlotFollowsTheWinner) {
  TestBus node(0);
  BusMessage claim = node.From(3, BusMessageType::kPing);
  claim.master.reset();
  claim.wire_flags = FlagsToWire(NodeFlag::kMaster);
  claim.config_epoch = claim.current_epoch = Epoch(7);
  node.Tell(claim);
  EXPECT_TRUE(node.state.Myself().IsReplica());
  EXPECT_EQ(node.host.follows, "127.0.0.1:7004");
}

TEST(ClusterBusTest, WhoTookOverAndHasNoReplicaIsGivenOne) {
  TestBus node(3);
  BusMessage promoted = node.From(4, BusMessageType::kPong);
  promoted.master.reset();
  promoted.wire_flags = FlagsToWire(NodeFlag::kMaster);
  promoted.current_epoch = promoted.config_epoch = Epoch(9);
  // My own master has one to spare.
  BusMessage other_replica = node.From(5, BusMessageType::kPong);
  other_replica.master = *NodeId::Parse(TestId(0));
  node.answering = {0, 2};
  for (int i = 0; i < 60; ++i) {
    if (i < 50) {
      EXPECT_EQ(node.host.follows, "127.0.0.1:7001");
    }
    node.Tell(promoted);
    node.Tell(other_replica);
    node.Pass(100);
  }
  EXPECT_EQ(node.host.follows, "127.0.0.1:7005");
}

TEST(ClusterBusTest, OfOneShardTheLongerHistoryWinsACollision) {
  TestBus node(0);
  node.host.offset = 100;
  BusMessage other = node.From(3, BusMessageType::kPing);
  other.master.reset();
  other.config_epoch = Epoch(1);
  other.offset = 50;
  node.Tell(other);
  EXPECT_EQ(node.state.Myself().config_epoch, Epoch(4));
  other.config_epoch = other.current_epoch = Epoch(4);
  other.offset = 500;
  node.Tell(other);
  EXPECT_EQ(node.state.Myself().config_epoch, Epoch(4));
}

TEST(ClusterBusTest, AManualFailoverPausesWritesAndHandsOver) {
  TestBus master(0);
  master.Tell(master.From(3, BusMessageType::kManualFailoverStart));
  EXPECT_EQ(master.host.paused_ms, 10'000);
  EXPECT_TRUE(master.host.Sent(BusMessageType::kPing).back().HasMessageFlag(kBusPaused));

  TestBus replica(3);
  replica.host.offset = 41;
  replica.Answer(0);
  ASSERT_EQ(replica.bus.Failover(FailoverKind::kNormal), "");
  ASSERT_EQ(replica.host.Sent(BusMessageType::kManualFailoverStart).size(), 1u);
  BusMessage paused = replica.From(0, BusMessageType::kPing);
  paused.message_flags = kBusPaused;
  paused.offset = 42;
  replica.Tell(paused);
  replica.Pass(200);
  EXPECT_TRUE(replica.host.Sent(BusMessageType::kVoteRequest).empty());
  replica.host.offset = 42;
  replica.Pass(100);
  ASSERT_EQ(replica.host.Sent(BusMessageType::kVoteRequest).size(), 5u);
  EXPECT_TRUE(replica.host.Sent(BusMessageType::kVoteRequest)[0].HasMessageFlag(kBusForceAck));
}

TEST(ClusterBusTest, OfTwoThatFollowEachOtherTheOneWithMoreDataIsTheMaster) {
  TestBus node(3);
  node.host.follows = "127.0.0.1:7001";
  node.host.is_master = false;
  node.host.offset = 100;
  BusMessage replica = node.From(0, BusMessageType::kPing);
  replica.master = *NodeId::Parse(TestId(3));
  replica.wire_flags = FlagsToWire(NodeFlag::kReplica);
  replica.offset = 200;
  node.Tell(replica);
  EXPECT_TRUE(node.state.Myself().IsReplica());
  replica.offset = 50;
  node.Tell(replica);
  EXPECT_TRUE(node.state.Myself().IsMaster());
  EXPECT_TRUE(node.host.is_master);
  EXPECT_EQ(node.state.Node(NodeIndex(0)).master, NodeIndex(3));
}

TEST(ClusterBusTest, WhatACandidateSaidOfItselfMayComeAfterWhatOthersSayOfTheMaster) {
  TestBus node(0);
  node.host.offset = 100;
  BusMessage update = node.From(1, BusMessageType::kUpdate);
  update.update = {*NodeId::Parse(TestId(3)), Epoch(9), node.state.BitmapOf(NodeIndex(0))};
  node.Tell(update);
  ASSERT_EQ(node.host.follows, "127.0.0.1:7004");
  BusMessage late = node.From(3, BusMessageType::kPong);
  late.master = *NodeId::Parse(TestId(0));
  late.wire_flags = FlagsToWire(NodeFlag::kReplica);
  late.current_epoch = Epoch(9);
  node.Tell(late);
  EXPECT_TRUE(node.state.Myself().IsReplica());
  EXPECT_EQ(node.state.OwnerOf(Slot(0)), NodeIndex(3));
}

TEST(ClusterBusTest, OfTwoThatFollowEachOtherAndHaveTheSameTheSmallerIdIsTheMaster) {
  for (int offset : {0, 7}) {
    TestBus node(3);  // of a smaller master
    node.host.offset = offset;
    BusMessage replica = node.From(0, BusMessageType::kPing);
    replica.master = *NodeId::Parse(TestId(3));
    replica.wire_flags = FlagsToWire(NodeFlag::kReplica);
    replica.offset = offset;
    node.Tell(replica);
    EXPECT_TRUE(node.state.Myself().IsReplica());
  }
}

TEST(ClusterBusTest, ANodeIsNoPeerOfItself) {
  TestBus node(0);
  BusMessage replica = node.From(1, BusMessageType::kPing);
  replica.master = *NodeId::Parse(TestId(0));
  node.Tell(replica);
  node.Pass(200);
  for (const auto& [address, link] : node.host.connected) EXPECT_NE(address, "127.0.0.1:17001");
}

TEST(ClusterBusTest, ATakeoverAsksNobody) {
  TestBus node(3);
  ASSERT_EQ(node.bus.Failover(FailoverKind::kTakeover), "");
  node.EndTurn();
  EXPECT_TRUE(node.state.Myself().IsMaster());
  EXPECT_EQ(node.state.Myself().slot_count, 5461u);
}

TEST(ClusterBusTest, AForgottenNodeIsNotLearntAgainForAMinute) {
  TestBus node(0);
  ASSERT_EQ(node.bus.Forget(TestId(4)), "");
  BusMessage ping = node.From(1, BusMessageType::kPing);
  ping.gossip.push_back({.id = *NodeId::Parse(TestId(4)), .ip = "127.0.0.1", .bus_port = 17005});
  node.Tell(ping);
  EXPECT_EQ(node.state.Find(TestId(4)), kNoNode);
  node.host.now_ms += 60'001;
  node.Tell(ping);
  EXPECT_NE(node.state.Find(TestId(4)), kNoNode);
}

TEST(ClusterBusTest, ResetLeavesALoneMaster) {
  TestBus node(3);
  node.bus.Reset(true, *NodeId::Parse(TestId(5)));
  EXPECT_EQ(node.state.Nodes().size(), 1u);
  EXPECT_EQ(node.state.Myself().id.Text(), TestId(5));
  EXPECT_TRUE(node.state.Myself().IsMaster());
  EXPECT_EQ(node.state.CurrentEpoch(), Epoch(0));
}

TEST(ClusterBusTest, AfterAPauseNobodyElseWasSilent) {
  TestBus node(0);
  node.Answer(1);
  node.Answer(2);
  node.Pass(1200);
  node.host.now_ms += 60'000;
  node.bus.Tick();
  EXPECT_FALSE(node.state.Node(NodeIndex(1)).IsSuspected());
  EXPECT_FALSE(node.state.IsUp());
}

TEST(ClusterBusTest, AReplicaKnowsWhatItsMasterHasOnTheMove) {
  TestBus node(3);
  BusMessage ping = node.From(0, BusMessageType::kPing);
  ping.open_slots = {{Slot(5), false, *NodeId::Parse(TestId(1))},
                     {Slot(16000), true, *NodeId::Parse(TestId(2))}};
  node.Tell(ping);
  EXPECT_EQ(node.state.MigratingTo(Slot(5)), NodeIndex(1));
  EXPECT_EQ(node.state.ImportingFrom(Slot(16000)), NodeIndex(2));
  // Redis says nothing of it: then nothing is known to have changed.
  node.Tell(node.From(0, BusMessageType::kPing));
  EXPECT_EQ(node.state.MigratingTo(Slot(5)), NodeIndex(1));
  ping.open_slots->clear();
  node.Tell(ping);
  EXPECT_TRUE(node.state.Migrating().empty() && node.state.Importing().empty());
  // Of others it is none of its business.
  BusMessage other = node.From(1, BusMessageType::kPing);
  other.open_slots = {{Slot(6000), false, *NodeId::Parse(TestId(0))}};
  node.Tell(other);
  EXPECT_TRUE(node.state.Migrating().empty());
}

TEST(ClusterBusTest, AMasterTellsItsReplicasAndKnowsWhoHasHeard) {
  TestBus node(0);
  node.Answer(3);
  const std::uint64_t news = node.bus.TellShard();
  node.state.SetMigrating(Slot(5), NodeIndex(1));
  BusMessage introduction = node.From(3, BusMessageType::kPing);
  introduction.shard_id = node.state.ShardIdOf(NodeIndex(0));
  node.host.sent.clear();
  node.Tell(introduction);
  const std::vector<BusMessage> pings = node.host.Sent(BusMessageType::kPing);
  ASSERT_FALSE(pings.empty());
  EXPECT_FALSE(node.bus.IsKnownInShard(news));
  node.Answer(3);
  EXPECT_TRUE(node.bus.IsKnownInShard(news));
  const std::uint64_t more = node.bus.TellShard();
  node.host.sent.clear();
  node.EndTurn();
  std::optional<std::vector<OpenSlot>> told;
  for (const BusMessage& ping : node.host.Sent(BusMessageType::kPing)) {
    if (ping.open_slots) told = ping.open_slots;
  }
  ASSERT_TRUE(told);
  EXPECT_EQ(*told, (std::vector<OpenSlot>{{Slot(5), false, *NodeId::Parse(TestId(1))}}));
  EXPECT_FALSE(node.bus.IsKnownInShard(more));
  node.state.SetFlag(NodeIndex(3), NodeFlag::kSuspected, true);
  EXPECT_TRUE(node.bus.IsKnownInShard(more));
}

TEST(ClusterBusTest, WhoTakesAMastersPlaceTakesItInMovesToo) {
  TestBus node(0);
  node.state.SetMigrating(Slot(5), NodeIndex(1));
  node.state.SetImporting(Slot(6000), NodeIndex(1));
  ASSERT_EQ(node.state.OwnerOf(Slot(6000)), NodeIndex(1));
  node.state.SetFlag(NodeIndex(1), NodeFlag::kFailed, true);
  BusMessage claim = node.From(4, BusMessageType::kPing);
  claim.wire_flags = FlagsToWire(NodeFlag::kMaster);
  claim.master.reset();
  claim.current_epoch = claim.config_epoch = Epoch(100);
  node.Tell(claim);
  EXPECT_EQ(node.state.MigratingTo(Slot(5)), NodeIndex(4));
  EXPECT_EQ(node.state.ImportingFrom(Slot(6000)), NodeIndex(4));
  EXPECT_EQ(node.state.OwnerOf(Slot(6000)), NodeIndex(4));
}

}  // namespace
}  // namespace slotway::storage::cluster
