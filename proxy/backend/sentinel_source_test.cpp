// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/sentinel_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/backend/topology_fixture.h"

namespace slotway::proxy {
namespace {

using testing::Contains;
using testing::HasSubstr;

class SentinelSourceTest : public TopologyFixture {
 protected:
  SentinelSourceTest() {
    settings_.kind = config::BackendKind::kSentinel;
    settings_.sentinel.master_name = "mymaster";
    Tell(x_, Role('a'));
    Tell(y_, Role('a', &x_));
  }

  static std::string Entry(const FakeShard& node) {
    return Array({Bulk("ip"), Bulk("127.0.0.1"), Bulk("port"), Bulk(std::to_string(node.Port()))});
  }
  // Lets a sentinel name `master`, with x_ and y_ as the nodes and `others` as sentinels.
  void TellView(FakeShard& sentinel, FakeShard& master, int epoch,
                std::vector<FakeShard*> others = {}) {
    std::string address = Array({Bulk("127.0.0.1"), Bulk(std::to_string(master.Port()))});
    std::string fields = Array({Bulk("config-epoch"), Bulk(std::to_string(epoch))});
    std::string replicas = Array({Entry(&master == &x_ ? y_ : x_)});
    Words entries;
    for (FakeShard* other : others) entries.push_back(Entry(*other));
    std::string sentinels = Array(entries);
    sentinel.Answer([=](const Words& words) {
      if (words[0] == "SUBSCRIBE") return Array({Bulk("subscribe"), Bulk(words[1]), ":1\r\n"});
      if (words[0] == "PING") return Array({Bulk("pong"), Bulk("")});
      if (words[1] == "GET-MASTER-ADDR-BY-NAME") return address;
      if (words[1] == "MASTER") return fields;
      return words[1] == "SLAVES" ? replicas : sentinels;
    });
  }

  // x_ is the master, and no round begins but by what s_ announces.
  void BeginListening(const std::string& channel) {
    settings_.topology.refresh_interval_ms = 60'000;
    TellView(s_, x_, 1);
    Seed(s_);
    Start();
    ASSERT_TRUE(Changed(1));
    ASSERT_TRUE(RunUntil(
        loop_, [&] { return testing::Matches(Contains("SUBSCRIBE " + channel))(s_.Seen()); }));
  }

  FakeShard s_{loop_}, t_{loop_}, u_{loop_};
};

TEST_F(SentinelSourceTest, FindsTheMasterAndAsksItToo) {
  TellView(s_, x_, 1);
  Seed(s_);
  Start();
  ASSERT_TRUE(Changed(1));
  EXPECT_EQ(OwnerPort(), x_.Port());
  EXPECT_EQ(refresher_->Current()->nodes.size(), 2u);
  EXPECT_FALSE(refresher_->Current()->has_slots);
  EXPECT_THAT(s_.Seen(), Contains("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster"));
  EXPECT_THAT(x_.Seen(), Contains("INFO replication"));
}

TEST_F(SentinelSourceTest, WhoSaysItIsAReplicaIsNotPublishedAsMaster) {
  TellView(s_, y_, 1);
  Seed(s_);
  Start();
  ASSERT_TRUE(RunUntil(loop_, [&] { return !refresher_->LastError().empty(); }));
  EXPECT_EQ(refresher_->Current(), nullptr);
  EXPECT_THAT(refresher_->LastError(), HasSubstr("does not answer as one"));
  Tell(y_, Role('b', nullptr, 1, 'a'));
  ASSERT_TRUE(Changed(1));
  EXPECT_EQ(OwnerPort(), y_.Port());
}

TEST_F(SentinelSourceTest, TheHighestEpochWinsAndIsRemembered) {
  Tell(y_, Role('b', nullptr, 1, 'a'));  // two masters: the old one is cut off
  TellView(s_, x_, 1, {&t_, &u_});
  TellView(t_, y_, 2, {&s_, &u_});
  TellView(u_, y_, 2, {&s_, &t_});
  for (auto* sentinel : {&s_, &t_, &u_}) Seed(*sentinel);
  Start();
  ASSERT_TRUE(Changed(1));
  ASSERT_TRUE(Rounds(3));
  EXPECT_EQ(OwnerPort(), y_.Port());
  t_.HangUp(true);
  u_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return !refresher_->LastError().empty(); }));
  ASSERT_TRUE(Rounds(5));
  EXPECT_THAT(refresher_->LastError(), HasSubstr("remember an older master"));
  EXPECT_EQ(OwnerPort(), y_.Port()) << "one sentinel that heard nothing of it is no majority";
}

TEST_F(SentinelSourceTest, SentinelsThatWereSetUpAnewAreBelieved) {
  TellView(s_, x_, 7);
  Seed(s_);
  Start();
  ASSERT_TRUE(Changed(1));
  Tell(x_, Role('b', &y_));
  Tell(y_, Role('b'));
  TellView(s_, y_, 0);
  ASSERT_TRUE(Changed(2));
  EXPECT_EQ(OwnerPort(), y_.Port());
}

TEST_F(SentinelSourceTest, LearnsMoreSentinels) {
  TellView(s_, x_, 1, {&t_});
  TellView(t_, x_, 1, {&s_});
  Seed(s_);
  Start();
  ASSERT_TRUE(Changed(1));
  ASSERT_TRUE(RunUntil(loop_, [&] { return !t_.Seen().empty(); }));
  ASSERT_TRUE(Rounds(2));
  s_.HangUp(true);
  Tell(x_, Role('b', &y_));
  Tell(y_, Role('b'));
  TellView(t_, y_, 2, {&s_});
  ASSERT_TRUE(Changed(2));
  EXPECT_EQ(OwnerPort(), y_.Port());
}

TEST_F(SentinelSourceTest, HearsOfASwitchBetweenRounds) {
  BeginListening("+switch-master");
  std::uint64_t rounds = refresher_->Rounds();
  auto announce = [&](const std::string& text) {
    s_.Push(Array({Bulk("message"), Bulk("+switch-master"), Bulk(text)}));
  };
  Tell(x_, Role('b', &y_));
  Tell(y_, Role('b'));
  TellView(s_, y_, 2);
  announce("other 127.0.0.1 1 127.0.0.1 2");
  EXPECT_EQ(refresher_->Rounds(), rounds);
  announce("mymaster 127.0.0.1 1 127.0.0.1 2");
  ASSERT_TRUE(Changed(2));
  EXPECT_EQ(OwnerPort(), y_.Port());
}

// Between the promotion and the switch both are masters, and what the old one takes is lost.
TEST_F(SentinelSourceTest, NobodyIsMasterWhileAReplicaIsPromoted) {
  BeginListening("+promoted-slave");
  auto announce = [&](const std::string& channel) {
    s_.Push(Array({Bulk("message"), Bulk(channel),
                   Bulk("slave 127.0.0.1:2 127.0.0.1 2 @ mymaster 127.0.0.1 1")}));
  };
  announce("+failover-state-send-slaveof-noone");
  ASSERT_TRUE(Changed(2));
  EXPECT_EQ(OwnerPort(), 0);
  EXPECT_EQ(refresher_->Current()->nodes.size(), 2u);
  announce("-failover-abort-slave-timeout");
  ASSERT_TRUE(Changed(3));
  EXPECT_EQ(OwnerPort(), x_.Port());
  announce("+failover-state-send-slaveof-noone");
  ASSERT_TRUE(Changed(4));
  Tell(y_, Role('b'));  // x_ says still that it is the master
  TellView(s_, y_, 2);
  announce("+promoted-slave");
  ASSERT_TRUE(Changed(5));
  EXPECT_EQ(OwnerPort(), y_.Port());
}

TEST_F(SentinelSourceTest, LogsInToSentinelsAndNodesWithTheirOwnPasswords) {
  settings_.username = "node-user";
  settings_.password = "node-secret";
  settings_.sentinel.password = "sentinel-secret";
  Words to_sentinel, to_node;
  s_.AnswerGreetings([&](const Words& words) {
    to_sentinel = words;
    return std::string(FakeShard::kOk);
  });
  x_.AnswerGreetings([&](const Words& words) {
    to_node = words;
    return std::string(FakeShard::kOk);
  });
  TellView(s_, x_, 1);
  Seed(s_);
  Start();
  ASSERT_TRUE(Changed(1));
  EXPECT_EQ(to_sentinel, (Words{"AUTH", "sentinel-secret"}));
  EXPECT_EQ(to_node, (Words{"AUTH", "node-user", "node-secret"}));
}

TEST_F(SentinelSourceTest, AnUnknownMasterNameIsSaid) {
  s_.Answer([](const Words&) { return "-ERR No such master with that name\r\n"; });
  Seed(s_);
  Start();
  ASSERT_TRUE(RunUntil(loop_, [&] { return !refresher_->LastError().empty(); }));
  EXPECT_THAT(refresher_->LastError(), HasSubstr("No such master with that name"));
}

TEST_F(SentinelSourceTest, NonsenseIsAnError) {
  for (std::string answer : {"*0\r\n", ":1\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "$3\r\nabc\r\n"}) {
    SCOPED_TRACE(answer);
    s_.Answer([&](const Words&) { return answer; });
    settings_.seeds.clear();
    Seed(s_);
    Start();
    ASSERT_TRUE(RunUntil(loop_, [&] { return !refresher_->LastError().empty(); }));
    EXPECT_EQ(refresher_->Current(), nullptr);
  }
}

// What the watch gets is anything; the rounds go on.
TEST_F(SentinelSourceTest, TheWatchSurvivesNonsense) {
  TellView(s_, x_, 1);
  Seed(s_);
  Start();
  ASSERT_TRUE(Changed(1));
  for (std::string push : {"nonsense\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n", "-ERR no\r\n", "*-1\r\n",
                           "*1\r\n$7\r\nmessage\r\n"}) {
    s_.Push(push);
    ASSERT_TRUE(Rounds(3)) << push;
  }
  s_.Push(std::string(100'000, '$'));
  ASSERT_TRUE(Rounds(3));
  EXPECT_EQ(OwnerPort(), x_.Port());
}

}  // namespace
}  // namespace slotway::proxy
