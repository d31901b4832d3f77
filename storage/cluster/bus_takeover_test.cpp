// SPDX-License-Identifier: Apache-2.0
// Between an election and the first write that is served: who has to know of it.
#include <gtest/gtest.h>

#include "storage/cluster/test_bus.h"

namespace slotway::storage::cluster {
namespace {

// To what was asked before the election, with the request for a vote, and after the claim.
void AnswerAll(TestBus& node, int place) {
  for (int i = 0; i < 3; ++i) node.Answer(place);
}

void GiveVotes(TestBus& node) {
  ASSERT_EQ(node.host.Sent(BusMessageType::kVoteRequest).size(), 5u);
  for (int voter : {1, 2}) {
    BusMessage vote = node.From(voter, BusMessageType::kVote);
    vote.current_epoch = node.state.CurrentEpoch();
    node.Tell(vote);
  }
  ASSERT_TRUE(node.state.Myself().IsMaster());
}

// Node 3 takes the place of node 0.
void TakeOver(TestBus& node) {
  node.Tell(node.Fail(1, 0));
  node.Pass(300);
  GiveVotes(node);
}

TEST(BusTakeoverTest, AMajorityOfTheVotersBeforeKnowsTheClaim) {
  TestBus node(3);
  TakeOver(node);
  AnswerAll(node, 1);
  EXPECT_FALSE(node.state.IsUp());
  AnswerAll(node, 2);
  EXPECT_TRUE(node.state.IsUp());
}

TEST(BusTakeoverTest, WhomItReplacesIsOneOfThem) {
  TestBus node(3);
  TakeOver(node);
  AnswerAll(node, 1);
  for (int i = 0; i < 3; ++i) {
    BusMessage replaced = node.From(0, BusMessageType::kPong);
    replaced.master = *NodeId::Parse(TestId(3));
    replaced.wire_flags = FlagsToWire(NodeFlag::kReplica);
    node.Tell(replaced);
  }
  EXPECT_TRUE(node.state.IsUp());
}

TEST(BusTakeoverTest, ANewMasterVotesWhenItIsKnownAndTheOldOnesAnswersAreOver) {
  TestBus node(3);
  TakeOver(node);
  node.Answer(2);
  node.Tell(node.Fail(1, 2));
  BusMessage request = node.From(5, BusMessageType::kVoteRequest);
  request.current_epoch = Epoch(20);
  const auto votes = [&] { return node.host.Sent(BusMessageType::kVote).size(); };
  node.Tell(request);
  AnswerAll(node, 1);
  EXPECT_EQ(votes(), 0u);
  AnswerAll(node, 2);
  node.Tell(node.Fail(1, 2));
  EXPECT_EQ(votes(), 0u);
  node.answering = {1, 5};
  node.Pass(1900);
  EXPECT_EQ(votes(), 0u);
  node.Pass(100);
  EXPECT_EQ(votes(), 1u);
}

TEST(BusTakeoverTest, WhoeverIsNotKnownYetGrantsNoLease) {
  TestBus node(3);
  TakeOver(node);
  const auto is_denied = [&node] {
    node.host.sent.clear();
    node.Tell(node.From(2, BusMessageType::kPing));
    const BusMessage pong = node.host.Sent(BusMessageType::kPong).front();
    return !pong.gossip.empty() && pong.gossip.back().id == *NodeId::Parse(TestId(2)) &&
           (pong.gossip.back().wire_flags & FlagsToWire(NodeFlag::kFailed)) != 0;
  };
  EXPECT_TRUE(is_denied());
  for (int place : {1, 2}) AnswerAll(node, place);
  EXPECT_TRUE(node.state.IsUp());
  EXPECT_FALSE(is_denied());
}

// The answers of two that take over at the same time deny each other the lease, but they are
// answers.
TEST(BusTakeoverTest, WhoAnswersWithoutAGrantKnowsTheClaim) {
  TestBus node(3);
  TakeOver(node);
  for (int i = 0; i < 3; ++i) {
    for (int place : {1, 2}) {
      BusMessage denying = node.From(place, BusMessageType::kPong);
      denying.gossip.push_back({.id = *NodeId::Parse(TestId(3)),
                                .ip = "127.0.0.1",
                                .wire_flags = FlagsToWire(NodeFlag::kFailed)});
      node.Tell(denying);
    }
  }
  EXPECT_FALSE(node.state.IsUp());
  node.Answer(1);  // asked as soon as most know of it
  EXPECT_TRUE(node.state.IsUp());
}

TEST(BusTakeoverTest, AnAnswerThatWasGivenAsAReplicaIsNoGrant) {
  TestBus node(0);
  node.host.has_replicas = true;
  node.Answer(4);
  node.Answer(1);
  EXPECT_TRUE(node.state.IsUp());
  node.answering = {4};
  node.Pass(1600);
  EXPECT_FALSE(node.state.IsUp());
  BusMessage claim = node.From(4, BusMessageType::kPing);
  claim.master.reset();
  claim.wire_flags = FlagsToWire(NodeFlag::kMaster);
  claim.config_epoch = claim.current_epoch = Epoch(9);
  node.Tell(claim);
  EXPECT_FALSE(node.state.IsUp());
  node.answering.clear();
  node.Pass(1000);  // it is asked
  BusMessage answer = claim;
  answer.type = BusMessageType::kPong;
  node.Tell(answer);
  EXPECT_TRUE(node.state.IsUp());
}

// Node 4 has taken the place of node 1, which node 5 does not know.
TEST(BusTakeoverTest, ACandidateIsToldOfVotersThatItDoesNotCount) {
  TestBus node(0);
  BusMessage claim = node.From(4, BusMessageType::kPing);
  claim.master.reset();
  claim.wire_flags = FlagsToWire(NodeFlag::kMaster);
  claim.config_epoch = claim.current_epoch = Epoch(9);
  node.Tell(claim);
  node.Tell(node.Fail(2, 2));
  BusMessage ping = node.From(5, BusMessageType::kPing);
  ping.voters.emplace();
  for (int place : {0, 1, 2}) {
    ping.voters->push_back(
        {*NodeId::Parse(TestId(place)), node.state.Node(NodeIndex(place)).config_epoch});
  }
  node.host.sent.clear();
  node.Tell(ping);
  ASSERT_EQ(node.host.sent.size(), 2u);
  EXPECT_EQ(node.host.sent[0].second.type, BusMessageType::kUpdate);
  EXPECT_EQ(node.host.sent[0].second.update.owner, *NodeId::Parse(TestId(4)));
  EXPECT_EQ(node.host.sent[1].second.type, BusMessageType::kPong);
  ping.voters->push_back({*NodeId::Parse(TestId(4)), Epoch(9)});
  node.host.sent.clear();
  node.Tell(ping);
  EXPECT_EQ(node.host.sent.size(), 1u);
}

TEST(BusTakeoverTest, VotesOfWhoIsNoVoterAnyMoreDoNotCount) {
  TestBus node(3);
  node.Tell(node.Fail(1, 0));
  node.Pass(300);
  const auto vote = [&node](int voter) {
    BusMessage message = node.From(voter, BusMessageType::kVote);
    message.current_epoch = node.state.CurrentEpoch();
    node.Tell(message);
  };
  vote(1);
  BusMessage update = node.From(2, BusMessageType::kUpdate);
  update.update = {.owner = *NodeId::Parse(TestId(4)),
                   .config_epoch = node.state.CurrentEpoch(),
                   .slots = node.state.BitmapOf(NodeIndex(1))};
  node.Tell(update);
  vote(2);
  EXPECT_TRUE(node.state.Myself().IsReplica());
  vote(4);
  EXPECT_TRUE(node.state.Myself().IsMaster());
}

// Node 3 is elected after node 0 has agreed, so long ago.
bool ServesAtOnce(std::int64_t agreed_ms) {
  TestBus node(3);
  node.Answer(0);
  node.host.offset = 41;
  EXPECT_EQ(node.bus.Failover(FailoverKind::kNormal), "");
  BusMessage paused = node.From(0, BusMessageType::kPing);
  paused.message_flags = kBusPaused;
  paused.offset = 41;
  node.Tell(paused);
  node.Pass(agreed_ms);
  GiveVotes(node);
  for (int place : {1, 2}) AnswerAll(node, place);
  return node.state.IsUp();
}

TEST(BusTakeoverTest, WhatAMasterAgreedToLongAgoItMayHaveForgotten) {
  EXPECT_TRUE(ServesAtOnce(100));
  EXPECT_FALSE(ServesAtOnce(500));
}

}  // namespace
}  // namespace slotway::storage::cluster
