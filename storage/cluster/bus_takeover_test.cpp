// SPDX-License-Identifier: Apache-2.0
// Between an election and the first write that is served: who has to know of it.
#include <gtest/gtest.h>

#include "storage/cluster/test_bus.h"

namespace slotway::storage::cluster {
namespace {

// To what was asked before the claim, and to what was asked after it.
void AnswerAll(TestBus& node, int place) {
  node.Answer(place);
  node.Answer(place);
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
  for (int i = 0; i < 2; ++i) {
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
  node.Answer(2);
  node.Tell(node.Fail(1, 2));
  EXPECT_EQ(votes(), 0u);
  node.answering = {1, 5};
  node.Pass(1900);
  EXPECT_EQ(votes(), 0u);
  node.Pass(100);
  EXPECT_EQ(votes(), 1u);
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
