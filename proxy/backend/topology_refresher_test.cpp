// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/topology_refresher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "proxy/backend/topology_fixture.h"

namespace slotway::proxy {
namespace {

using testing::HasSubstr;

class TopologyRefresherTest : public TopologyFixture {
 protected:
  struct Line {
    char id;
    const FakeShard& shard;
    std::string slots;  // empty: owns none
    int epoch = 1;
    std::string flags = "master";
  };
  // Lets `shard` answer CLUSTER NODES with these lines; the one of itself is "myself".
  void Tell(FakeShard& shard, std::vector<Line> lines) {
    std::string text;
    for (const Line& line : lines) {
      bool is_self = &line.shard == &shard;
      text += fmt::format("{} 127.0.0.1:{}@{} {}{} - 0 0 {} connected{}{}\n",
                          std::string(40, line.id), line.shard.Port(), 1, is_self ? "myself," : "",
                          line.flags, line.epoch, line.slots.empty() ? "" : " ", line.slots);
    }
    TopologyFixture::Tell(shard, text);
  }
};

TEST_F(TopologyRefresherTest, LearnsFromASeedAndTellsChangesByTheVersion) {
  Tell(x_, {{'a', x_, "0-16383"}});
  Seed(x_);
  Start();
  ASSERT_TRUE(Changed(1));
  EXPECT_TRUE(refresher_->Current()->CoversAllSlots());
  EXPECT_EQ(refresher_->Current()->version, 1u);
  EXPECT_EQ(refresher_->LastError(), "");
  ASSERT_TRUE(Rounds(3));
  EXPECT_GE(calls_, 3);
  EXPECT_EQ(refresher_->Current()->version, 1u);
  Tell(x_, {{'a', x_, "0-99"}, {'b', y_, "100-16383"}});
  Tell(y_, {{'a', x_, "0-99"}, {'b', y_, "100-16383"}});
  ASSERT_TRUE(Changed(2));
  EXPECT_EQ(OwnerPort(99), x_.Port());
  EXPECT_EQ(OwnerPort(100), y_.Port());
}

TEST_F(TopologyRefresherTest, TheHighestEpochWinsWhereViewsDisagree) {
  Tell(x_, {{'a', x_, "0-16383", 1}, {'b', y_, "", 1}});
  Tell(y_, {{'a', x_, "", 1}, {'b', y_, "0-16383", 7}});
  Seed(x_);
  Seed(y_);
  Start();
  ASSERT_TRUE(Changed(1));
  ASSERT_TRUE(Rounds(3));
  EXPECT_EQ(OwnerPort(0), y_.Port());
}

// A round that reaches old views only must not turn the map back.
TEST_F(TopologyRefresherTest, OldViewsAloneDoNotTurnTheMapBack) {
  settings_.topology.nodes_asked = 1;
  Tell(x_, {{'a', x_, "0-16383", 1}, {'b', y_, "", 1}});
  Tell(y_, {{'a', x_, "", 1}, {'b', y_, "0-16383", 7}});
  Seed(x_);
  Seed(y_);
  Start();
  ASSERT_TRUE(Changed(1));
  ASSERT_EQ(OwnerPort(0), y_.Port());
  ASSERT_TRUE(Rounds(6));
  EXPECT_EQ(refresher_->Changes(), 1u);
  EXPECT_EQ(OwnerPort(0), y_.Port());
}

// The owner itself says that it gave the slots away: then the epoch does not matter.
TEST_F(TopologyRefresherTest, AnOwnerMayGiveItsSlotsToAnOlderEpoch) {
  Tell(x_, {{'a', x_, "0-16383", 9}, {'b', y_, "", 1}});
  Tell(y_, {{'a', x_, "0-16383", 9}, {'b', y_, "", 1}});
  Seed(x_);
  Start();
  ASSERT_TRUE(Changed(1));
  Tell(x_, {{'a', x_, "", 9}, {'b', y_, "0-16383", 1}});
  Tell(y_, {{'a', x_, "", 9}, {'b', y_, "0-16383", 1}});
  ASSERT_TRUE(Changed(2));
  EXPECT_EQ(OwnerPort(0), y_.Port());
}

TEST_F(TopologyRefresherTest, OneNodeThatAnswersIsEnough) {
  x_.HangUp(true);
  y_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  Tell(z_, {{'c', z_, "0-16383"}});
  for (auto* shard : {&x_, &y_, &z_}) Seed(*shard);
  Start();
  ASSERT_TRUE(Changed(1));
  EXPECT_EQ(OwnerPort(0), z_.Port());
}

TEST_F(TopologyRefresherTest, StartsBeforeTheClusterAndSaysWhatIsWrong) {
  x_.HangUp(true);
  Seed(x_);
  Start();
  ASSERT_TRUE(RunUntil(loop_, [&] { return !refresher_->LastError().empty(); }));
  EXPECT_EQ(refresher_->Current(), nullptr);
  EXPECT_THAT(refresher_->LastError(), HasSubstr(x_.Address()));
  Tell(x_, {{'a', x_, "0-16383"}});
  x_.Reopen();
  ASSERT_TRUE(Changed(1));
  EXPECT_EQ(refresher_->LastError(), "");
}

TEST_F(TopologyRefresherTest, TheSeedsAreAskedAgainWhenNobodyKnownAnswers) {
  Tell(x_, {{'b', y_, "0-16383"}});
  Tell(y_, {{'b', y_, "0-16383"}});
  Seed(x_);
  Start();
  ASSERT_TRUE(Changed(1));
  Tell(x_, {{'c', z_, "0-16383"}});
  Tell(z_, {{'c', z_, "0-16383"}});
  y_.HangUp(true);
  ASSERT_TRUE(Changed(2));
  EXPECT_EQ(OwnerPort(0), z_.Port());
  EXPECT_EQ(refresher_->Current()->nodes.size(), 1u);  // who vanished is forgotten
}

// The address of a node that went may be given to a node of another cluster.
TEST_F(TopologyRefresherTest, OnlyASeedTellsOfAnotherCluster) {
  Tell(x_, {{'b', y_, "0-16383"}});
  Tell(y_, {{'b', y_, "0-16383"}});
  Seed(x_);
  Start();
  ASSERT_TRUE(Changed(1));
  Tell(y_, {{'c', y_, "0-16383"}, {'d', z_, ""}});
  Tell(x_, {{'b', z_, "0-16383", 2}});
  Tell(z_, {{'b', z_, "0-16383", 2}});
  ASSERT_TRUE(Changed(2));
  EXPECT_EQ(OwnerPort(0), z_.Port());
  EXPECT_EQ(refresher_->Current()->nodes.size(), 1u);
}

TEST_F(TopologyRefresherTest, RegularRoundsAreSpreadInTime) {
  settings_.topology.refresh_interval_ms = 50;
  Tell(x_, {{'a', x_, "0-16383"}});
  Seed(x_);
  Start();
  std::set<std::uint64_t> waits;
  std::uint64_t last_ms = loop_.NowMs();
  for (int calls = 1; calls < 12; ++calls) {
    ASSERT_TRUE(RunUntil(loop_, [&] { return calls_ == calls; }));
    if (calls > 1) waits.insert(loop_.NowMs() - last_ms);
    last_ms = loop_.NowMs();
  }
  EXPECT_GE(*waits.begin(), 45u);
  EXPECT_GT(waits.size(), 1u);
}

TEST_F(TopologyRefresherTest, ARefusedLoginIsSaid) {
  settings_.password = "wrong";
  x_.AnswerGreetings([](const Words&) { return "-WRONGPASS invalid\r\n"; });
  Seed(x_);
  Start();
  ASSERT_TRUE(RunUntil(loop_, [&] { return !refresher_->LastError().empty(); }));
  EXPECT_THAT(refresher_->LastError(), HasSubstr("login refused: WRONGPASS invalid"));
}

TEST_F(TopologyRefresherTest, AnswersThatAreNoTopologyAreErrors) {
  for (std::string answer : {"-LOADING x\r\n", "$3\r\nabc\r\n", "!\r\n", ":1\r\n"}) {
    SCOPED_TRACE(answer);
    x_.Answer([&](const Words&) { return answer; });
    settings_.seeds.clear();
    Seed(x_);
    Start();
    ASSERT_TRUE(RunUntil(loop_, [&] { return !refresher_->LastError().empty(); }));
    EXPECT_EQ(refresher_->Current(), nullptr);
  }
}

TEST_F(TopologyRefresherTest, ARequestedRoundComesSoonButNotAtOnce) {
  settings_.topology.refresh_interval_ms = 60'000;
  settings_.topology.refresh_min_interval_ms = 30;
  Tell(x_, {{'a', x_, "0-16383"}});
  Seed(x_);
  Start();
  ASSERT_TRUE(RunUntil(loop_, [&] { return calls_ == 1; }));
  std::uint64_t began_ms = loop_.NowMs();
  for (int i = 0; i < 100; ++i) refresher_->RequestSoon();
  ASSERT_TRUE(RunUntil(loop_, [&] { return calls_ == 2; }));
  EXPECT_GE(loop_.NowMs() - began_ms, 20u);
  EXPECT_EQ(refresher_->Rounds(), 2u);
}

}  // namespace
}  // namespace slotway::proxy
