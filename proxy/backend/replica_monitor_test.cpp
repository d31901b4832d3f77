// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/replica_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/backend/topology_fixture.h"

namespace slotway::proxy {
namespace {

// x_ is the master of y_ and z_.
class ReplicaMonitorTest : public TopologyFixture {
 protected:
  ReplicaMonitorTest() {
    settings_.replicas.check_interval_ms = 50;
    settings_.replicas.staleness_max_ms = 400;
    Tell(x_, Role('a'));
    Tell(y_, Role('a', &x_));
    Tell(z_, Role('a', &x_));
  }

  static protocol::ClusterNode Node(const FakeShard& shard, const FakeShard* master) {
    protocol::ClusterNode node;
    node.id = shard.Address();
    node.endpoint = {"127.0.0.1", shard.Port()};
    node.is_master = master == nullptr;
    if (master != nullptr) node.master_id = master->Address();
    return node;
  }
  protocol::Topology Nodes() {
    protocol::Topology topology;
    topology.nodes = {Node(x_, nullptr), Node(y_, &x_), Node(z_, &x_)};
    topology.nodes[1].hostname = "replica-y";
    return topology;
  }
  void Watch() {
    monitor_ = std::make_unique<ReplicaMonitor>(loop_, settings_, [this](auto facts) {
      facts_ = facts;
      ++publications_;
    });
    monitor_->UpdateTopology(Nodes());
  }
  const ReplicaFacts::Node* Of(const FakeShard& shard) {
    return facts_ == nullptr ? nullptr : facts_->Find({"127.0.0.1", shard.Port()});
  }
  bool IsFit(const FakeShard& shard) { return Of(shard) != nullptr && Of(shard)->is_fit; }
  bool IsNear(const FakeShard& shard) { return Of(shard) != nullptr && Of(shard)->is_near; }
  bool BothFit() {
    return RunUntil(loop_, [&] { return IsFit(y_) && IsFit(z_); });
  }
  bool Questions(std::size_t more) {
    std::size_t until = x_.Seen().size() + more;
    return RunUntil(loop_, [&] { return x_.Seen().size() >= until; });
  }

  std::unique_ptr<ReplicaMonitor> monitor_;
  ReplicaFactsSnapshot facts_;
  int publications_ = 0;
};

TEST_F(ReplicaMonitorTest, ReplicasInStepAreFitAndThatIsToldOnce) {
  Watch();
  ASSERT_TRUE(BothFit());
  EXPECT_FALSE(IsFit(x_)) << "the master is no replica";
  int publications = publications_;
  std::uint64_t offset = 100;
  for (int i = 0; i < 5; ++i) {
    offset += 10;
    Tell(x_, Role('a', nullptr, offset));
    Tell(y_, Role('a', &x_, offset));
    Tell(z_, Role('a', &x_, offset));
    ASSERT_TRUE(Questions(1));
  }
  EXPECT_TRUE(IsFit(y_) && IsFit(z_));
  EXPECT_LE(publications_, publications + 3) << "who is near may change, nothing else";
}

TEST_F(ReplicaMonitorTest, TellsHowFarBehindReplicasAre) {
  Tell(x_, Role('a', nullptr, 500));
  Tell(y_, Role('a', &x_, 450));
  Tell(z_, Role('b', &x_, 450));
  Watch();
  auto standing_of = [&](const FakeShard& shard) {
    for (const auto& standing : monitor_->Standings()) {
      if (standing.node == shard.Address()) return standing;
    }
    return ReplicaMonitor::Standing();
  };
  ASSERT_TRUE(RunUntil(loop_, [&] {
    return standing_of(x_).answers && standing_of(y_).answers && standing_of(z_).answers;
  }));
  EXPECT_EQ(standing_of(x_).master, "");
  EXPECT_EQ(standing_of(x_).lag_bytes, std::nullopt);
  EXPECT_EQ(standing_of(y_).master, x_.Address());
  EXPECT_EQ(standing_of(y_).lag_bytes, 50u);
  EXPECT_TRUE(standing_of(y_).is_link_up);
  EXPECT_EQ(standing_of(z_).lag_bytes, std::nullopt) << "another history";
}

TEST_F(ReplicaMonitorTest, NewSettingsHoldForNewConnections) {
  Watch();
  ASSERT_TRUE(BothFit());
  std::size_t greetings = x_.Greetings();
  settings_.replicas.check_interval_ms = 80;
  settings_.password = "secret";
  monitor_->ApplySettings();
  monitor_->UpdateTopology(Nodes());
  EXPECT_EQ(monitor_->IntervalMs(), 80u);
  EXPECT_TRUE(RunUntil(loop_, [&] { return x_.Greetings() > greetings; }));
  ASSERT_TRUE(Questions(1));
  EXPECT_TRUE(BothFit());
}

TEST_F(ReplicaMonitorTest, AReplicaThatFallsBehindIsSkippedUntilItHasCaughtUp) {
  Watch();
  ASSERT_TRUE(BothFit());
  std::uint64_t began_ms = loop_.NowMs();
  std::uint64_t offset = 100;
  x_.Answer([&](const Words&) { return Bulk(Role('a', nullptr, ++offset)); });
  y_.Answer([&](const Words&) { return Bulk(Role('a', &x_, offset)); });
  ASSERT_TRUE(RunUntil(loop_, [&] { return !IsFit(z_); }));
  EXPECT_GE(loop_.NowMs() - began_ms, 200u) << "it was in step a moment ago";
  EXPECT_LE(loop_.NowMs() - began_ms, 600u) << "not much older than the bound";
  EXPECT_TRUE(IsFit(y_));
  z_.Answer([&](const Words&) { return Bulk(Role('a', &x_, offset)); });
  ASSERT_TRUE(BothFit());
}

// A master that nobody hears of: its replicas get older all the time.
TEST_F(ReplicaMonitorTest, WithoutTheMasterReplicasGetTooOld) {
  Watch();
  ASSERT_TRUE(BothFit());
  x_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return !IsFit(y_) && !IsFit(z_); }));
}

TEST_F(ReplicaMonitorTest, WithoutABoundTheyMayBeOfAnyAge) {
  settings_.replicas.staleness_max_ms = 0;
  Watch();
  ASSERT_TRUE(BothFit());
  Tell(x_, Role('a', nullptr, 1'000'000));
  ASSERT_TRUE(Questions(4));
  x_.HangUp(true);
  std::size_t seen = y_.Seen().size();
  ASSERT_TRUE(RunUntil(loop_, [&] { return y_.Seen().size() > seen + 4; }));
  EXPECT_TRUE(IsFit(y_) && IsFit(z_));
}

TEST_F(ReplicaMonitorTest, WhoHasNotItsMastersDataIsNotFit) {
  for (const std::string& role :
       {Role('b', &x_), Role('a', &x_) + "master_sync_in_progress:1\r\n", Role('a'),
        std::string("nonsense")}) {
    SCOPED_TRACE(role);
    Tell(z_, role);
    Watch();
    ASSERT_TRUE(RunUntil(loop_, [&] { return IsFit(y_); }));
    EXPECT_FALSE(IsFit(z_));
  }
}

TEST_F(ReplicaMonitorTest, ASilentReplicaIsSaidToBe) {
  Watch();
  ASSERT_TRUE(BothFit());
  z_.StopReading();
  ASSERT_TRUE(RunUntil(loop_, [&] { return Of(z_)->is_silent; }));
  EXPECT_FALSE(IsFit(z_) || Of(y_)->is_silent);
  z_.ReadOn();
  ASSERT_TRUE(BothFit());
  EXPECT_FALSE(Of(z_)->is_silent);
}

TEST_F(ReplicaMonitorTest, TheZoneDecidesWhoIsNear) {
  settings_.replicas.zone = "here";
  settings_.replicas.node_zones = {{"replica-y", "here"}, {"127.0.0.0/8", "there"}};
  Watch();
  ASSERT_TRUE(BothFit());
  EXPECT_TRUE(IsNear(y_));
  EXPECT_FALSE(IsNear(x_) || IsNear(z_));
  y_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return !IsFit(y_) && IsNear(z_); }))
      << "nobody of the zone is left: the fastest are near";
}

TEST_F(ReplicaMonitorTest, TheFastestAreNear) {
  Watch();
  ASSERT_TRUE(RunUntil(loop_, [&] { return IsNear(x_) || IsNear(y_) || IsNear(z_); }));
  EXPECT_TRUE(BothFit());
}

TEST_F(ReplicaMonitorTest, ForgetsWhoLeft) {
  Watch();
  ASSERT_TRUE(BothFit());
  protocol::Topology topology;
  topology.nodes = {Node(x_, nullptr), Node(y_, &x_)};
  monitor_->UpdateTopology(topology);
  ASSERT_TRUE(RunUntil(loop_, [&] { return Of(z_) == nullptr; }));
  topology.nodes.pop_back();
  monitor_->UpdateTopology(topology);
  EXPECT_TRUE(facts_->nodes.empty());
  std::size_t seen = x_.Seen().size();
  protocol::Topology again;
  again.nodes = {Node(x_, nullptr), Node(y_, &x_)};
  monitor_->UpdateTopology(again);
  ASSERT_TRUE(RunUntil(loop_, [&] { return IsFit(y_); }));
  EXPECT_GT(x_.Seen().size(), seen);
}

TEST_F(ReplicaMonitorTest, AReloadChangesIntervalAndLogin) {
  Watch();
  ASSERT_TRUE(BothFit());
  settings_.replicas.staleness_max_ms = 320;
  settings_.replicas.check_interval_ms = 80;
  settings_.password = "new";
  ASSERT_TRUE(RunUntil(loop_, [&] { return monitor_->IntervalMs() == 80; }));
  y_.HangUp();
  ASSERT_TRUE(RunUntil(loop_, [&] { return y_.Greetings() == 1; }));
  ASSERT_TRUE(BothFit());
}

TEST_F(ReplicaMonitorTest, AShortBoundMeansMoreLooks) {
  settings_.replicas.check_interval_ms = 1000;
  settings_.replicas.staleness_max_ms = 800;
  EXPECT_EQ(ReplicaMonitor(loop_, settings_, {}).IntervalMs(), 200u);
  settings_.replicas.staleness_max_ms = 0;
  EXPECT_EQ(ReplicaMonitor(loop_, settings_, {}).IntervalMs(), 1000u);
  settings_.replicas.staleness_max_ms = 1;
  EXPECT_EQ(ReplicaMonitor(loop_, settings_, {}).IntervalMs(), 50u);
}

}  // namespace
}  // namespace slotway::proxy
