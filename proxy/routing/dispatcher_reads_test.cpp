// SPDX-License-Identifier: Apache-2.0
// Reads that replicas may answer: who gets them, and what happens when he does not serve.
#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <utility>

#include "protocol/resp_writer.h"
#include "proxy/backend/fake_shard.h"
#include "proxy/reply/reply_fixture.h"
#include "proxy/routing/dispatcher.h"

namespace slotway::proxy {
namespace {

using config::ReadPolicy;
using testing::HasSubstr;
using Words = std::vector<std::string>;

// master_ has all slots; y_ and z_ are its replicas.
class DispatcherReadsTest : public testing::Test {
 protected:
  DispatcherReadsTest() {
    settings_.hold.time_max_ms = 3000;
    settings_.retry.backoff_ms = 1;
    settings_.retry.backoff_max_ms = 4;
    settings_.backend.ping_interval_ms = 0;
    dispatcher_ = std::make_unique<Dispatcher>(loop_, settings_, 1, [this] { ++refreshes_; });
    topology_.version = 1;
    FakeShard* shards[] = {&master_, &y_, &z_};
    for (std::size_t i = 0; i < 3; ++i) {
      protocol::ClusterNode& node = topology_.nodes.emplace_back();
      node.id = std::string(40, static_cast<char>('a' + i));
      node.endpoint = {"127.0.0.1", shards[i]->Port()};
      node.is_master = i == 0;
      if (i > 0) node.master_id = topology_.nodes[0].id;
    }
    topology_.owner_of_slot.fill(0);
    dispatcher_->UpdateTopology(topology_);
    EXPECT_TRUE(
        RunUntil(loop_, [&] { return dispatcher_->Counters().unready_masters.Get() == 0; }));
  }
  ~DispatcherReadsTest() override {
    loop_.Post([this] {
      dispatcher_->Shutdown();
      loop_.Stop();
    });
    loop_.Run();
  }

  // Who is fit, near or silent: letters among "xyz".
  void Tell(const std::string& fit, const std::string& near = "", const std::string& silent = "") {
    auto facts = std::make_shared<ReplicaFacts>();
    for (std::size_t i = 0; i < 3; ++i) {
      char name = "xyz"[i];
      auto is_in = [name](const std::string& names) { return names.find(name) != names.npos; };
      facts->nodes.push_back({topology_.nodes[i].endpoint, is_in(fit), is_in(near), is_in(silent)});
    }
    dispatcher_->UpdateReplicas(facts);
  }
  void Read(ReadPolicy policy, std::uint32_t turn = 0) {
    InFlight request = Describe({"GET", "k"});
    request.is_readonly = true;
    request.lane = Lane().WithReadonly(policy != ReadPolicy::kPrimary);
    request.reads = ReadChoice(policy, turn);
    dispatcher_->Send(bytes_, request);
  }
  InFlight Describe(Words words) {
    bytes_.clear();
    protocol::StringSink sink{bytes_};
    std::vector<std::string_view> views(words.begin(), words.end());
    protocol::WriteRequest(sink, std::span<const std::string_view>(views));
    InFlight request;
    request.queue = &client_.queue;
    request.place = client_.queue.Open();
    request.slot = protocol::Slot{1};
    return request;
  }
  bool AllAnswered() {
    return RunUntil(loop_, [&] { return client_.queue.Outstanding() == 0; });
  }
  // What came since the last call.
  std::string Output() {
    std::string all = client_.Output();
    return all.substr(std::exchange(output_read_, all.size()));
  }
  static std::size_t ReadsOf(const FakeShard& shard) {
    return static_cast<std::size_t>(
        std::count_if(shard.Seen().begin(), shard.Seen().end(),
                      [](const std::string& request) { return request.starts_with("GET"); }));
  }
  // Connections to replicas are opened by their first reads, which the master answers.
  void WarmUp(ReadPolicy policy = ReadPolicy::kPreferReplica) {
    Tell("yz");
    for (std::uint32_t turn = 0; turn < 2; ++turn) Read(policy, turn);
    ASSERT_TRUE(AllAnswered());
    ASSERT_TRUE(RunUntil(loop_, [&] {
      std::size_t before = ReadsOf(y_) * ReadsOf(z_);
      for (std::uint32_t turn = 0; turn < 2; ++turn) Read(policy, turn);
      return before > 0;
    }));
    ASSERT_TRUE(AllAnswered());
    Output();
  }

  runtime::EventLoop loop_;
  config::ProxyConfig settings_;
  FakeShard master_{loop_}, y_{loop_}, z_{loop_};
  protocol::Topology topology_;
  FakeClient client_{loop_};
  std::string bytes_;
  std::size_t output_read_ = 0;
  int refreshes_ = 0;
  std::unique_ptr<Dispatcher> dispatcher_;
};

TEST_F(DispatcherReadsTest, WithoutFactsTheMasterAnswers) {
  Read(ReadPolicy::kPreferReplica);
  Read(ReadPolicy::kNearest);
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(ReadsOf(master_), 2u);
}

TEST_F(DispatcherReadsTest, TurnsSpreadOverTheReplicas) {
  WarmUp();
  std::size_t at_y = ReadsOf(y_), at_z = ReadsOf(z_), at_master = ReadsOf(master_);
  for (std::uint32_t turn = 0; turn < 6; ++turn) Read(ReadPolicy::kPreferReplica, turn);
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(ReadsOf(y_) - at_y, 3u);
  EXPECT_EQ(ReadsOf(z_) - at_z, 3u);
  EXPECT_EQ(ReadsOf(master_), at_master);
  at_y = ReadsOf(y_);
  for (int i = 0; i < 4; ++i) Read(ReadPolicy::kPreferReplica, 2);
  ASSERT_TRUE(AllAnswered());
  EXPECT_TRUE(ReadsOf(y_) == at_y || ReadsOf(y_) == at_y + 4) << "one turn, one replica";
  EXPECT_GT(dispatcher_->Counters().replica_reads.Get(), 0u);
}

TEST_F(DispatcherReadsTest, ReplicasAreToldThatReadsCome) {
  WarmUp();
  EXPECT_THAT(y_.Seen(), testing::Contains("READONLY"));
  EXPECT_THAT(master_.Seen(), testing::Not(testing::Contains("READONLY")));
}

// Facts are of a moment ago: a replica that was restarted meanwhile is empty.
TEST_F(DispatcherReadsTest, AReplicaMustSayItselfThatItIsInStep) {
  const std::string_view roles[] = {
      "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n$4\r\nsync\r\n:-1\r\n",
      "*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n", "-NOPERM no\r\n", "+OK\r\n"};
  for (std::string_view role : roles) {
    SCOPED_TRACE(role);
    y_.AnswerRole(std::string(role));
    Tell("y");
    std::uint64_t failures = dispatcher_->Counters().backend_failures.Get();
    ASSERT_TRUE(RunUntil(loop_, [&] {
      if (client_.queue.Outstanding() == 0) Read(ReadPolicy::kPreferReplica);
      return dispatcher_->Counters().backend_failures.Get() > failures;
    }));
    ASSERT_TRUE(AllAnswered());
    EXPECT_EQ(ReadsOf(y_), 0u);
  }
}

TEST_F(DispatcherReadsTest, WhoIsNotFitIsPassedOver) {
  WarmUp();
  Tell("y");
  std::size_t at_z = ReadsOf(z_);
  for (std::uint32_t turn = 0; turn < 6; ++turn) Read(ReadPolicy::kPreferReplica, turn);
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(ReadsOf(z_), at_z);
  Tell("");
  std::size_t at_master = ReadsOf(master_);
  Read(ReadPolicy::kPreferReplica);
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(ReadsOf(master_), at_master + 1);
}

TEST_F(DispatcherReadsTest, ReplicaOnlyFailsAtOnceWithoutAnyThatIsFit) {
  Tell("");
  Read(ReadPolicy::kReplica);
  ASSERT_EQ(client_.queue.Outstanding(), 0u);
  EXPECT_THAT(Output(), HasSubstr("-CLUSTERDOWN No replica of this slot is up"));
  EXPECT_EQ(ReadsOf(master_), 0u);
}

TEST_F(DispatcherReadsTest, ReplicaOnlyWaitsForTheConnection) {
  Tell("yz");
  Read(ReadPolicy::kReplica);
  EXPECT_EQ(client_.queue.Outstanding(), 1u);
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(Output(), "+OK\r\n");
  EXPECT_EQ(ReadsOf(master_), 0u);
}

TEST_F(DispatcherReadsTest, ReplicaOnlyFailsOnceTheLastOneIsUnfit) {
  Tell("y");
  y_.HangUp(true);
  Read(ReadPolicy::kReplica);
  EXPECT_EQ(client_.queue.Outstanding(), 1u) << "it may come back";
  Tell("");
  ASSERT_TRUE(AllAnswered());
  EXPECT_THAT(Output(), HasSubstr("-CLUSTERDOWN No replica of this slot is up"));
}

TEST_F(DispatcherReadsTest, NearestChoosesAmongTheNear) {
  Tell("yz", "xy");
  for (std::uint32_t turn = 0; turn < 4; ++turn) Read(ReadPolicy::kNearest, turn);
  ASSERT_TRUE(AllAnswered());
  std::size_t at_y = ReadsOf(y_), at_master = ReadsOf(master_);
  ASSERT_TRUE(RunUntil(loop_, [&] {
    for (std::uint32_t turn = 0; turn < 4; ++turn) Read(ReadPolicy::kNearest, turn);
    return ReadsOf(y_) > at_y;
  }));
  ASSERT_TRUE(AllAnswered());
  EXPECT_GT(ReadsOf(master_), at_master);
  EXPECT_EQ(ReadsOf(z_), 0u);
}

TEST_F(DispatcherReadsTest, AReplicaThatDiesIsReplacedWhileItsReadsWait) {
  WarmUp();
  y_.Answer([](const Words& words) {
    return std::string(words[0] == "GET" ? FakeShard::kHangUp : FakeShard::kOk);
  });
  for (std::uint32_t turn = 0; turn < 6; ++turn) Read(ReadPolicy::kPreferReplica, turn);
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(Output(), "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
}

TEST_F(DispatcherReadsTest, AReplicaThatFallsSilentLosesItsReadsToOthers) {
  WarmUp();
  y_.StopReading();
  std::size_t at_z = ReadsOf(z_);
  for (std::uint32_t turn = 0; turn < 2; ++turn) Read(ReadPolicy::kPreferReplica, turn);
  ASSERT_TRUE(RunUntil(loop_, [&] { return ReadsOf(z_) > at_z; }));
  EXPECT_GT(client_.queue.Outstanding(), 0u);
  Tell("z", "", "y");
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(Output(), "+OK\r\n+OK\r\n");
}

TEST_F(DispatcherReadsTest, AReplicaThatRefusesIsAvoided) {
  for (std::string refusal :
       {"-LOADING Redis is loading the dataset in memory\r\n",
        "-MASTERDOWN Link with MASTER is down\r\n", "-CLUSTERDOWN The cluster is down\r\n"}) {
    SCOPED_TRACE(refusal);
    z_.Answer(nullptr);
    y_.Answer(nullptr);
    WarmUp();
    y_.Answer([&](const Words&) { return refusal; });
    std::size_t at_y = ReadsOf(y_);
    for (int round = 0; round < 3; ++round) {
      for (std::uint32_t turn = 0; turn < 2; ++turn) Read(ReadPolicy::kPreferReplica, turn);
      ASSERT_TRUE(AllAnswered());
    }
    EXPECT_EQ(Output(), "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
    EXPECT_LE(ReadsOf(y_), at_y + 1) << "it is left alone for a while";
    topology_.version++;
    dispatcher_->UpdateTopology(topology_);  // forgets who is avoided
  }
}

TEST_F(DispatcherReadsTest, ReplicaOnlyWaitsForTheOneThatLoads) {
  Tell("y");
  y_.Answer([](const Words&) { return "-LOADING Redis is loading the dataset in memory\r\n"; });
  Read(ReadPolicy::kReplica);
  ASSERT_TRUE(RunUntil(loop_, [&] { return ReadsOf(y_) == 1; }));
  y_.Answer(nullptr);
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(Output(), "+OK\r\n");
}

// The replica does not serve the slot any more; what it believes does not change the map.
TEST_F(DispatcherReadsTest, MovedByAReplicaLeadsToTheMaster) {
  WarmUp();
  std::string moved = "-MOVED 1 " + z_.Address() + "\r\n";
  y_.Answer([&](const Words& words) { return words[0] == "GET" ? moved : "+OK\r\n"; });
  z_.Answer([&](const Words& words) { return words[0] == "GET" ? moved : "+OK\r\n"; });
  std::size_t at_master = ReadsOf(master_);
  refreshes_ = 0;
  Read(ReadPolicy::kPreferReplica);
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(Output(), "+OK\r\n");
  EXPECT_EQ(ReadsOf(master_), at_master + 1);
  EXPECT_GT(refreshes_, 0);
  Output();
  dispatcher_->Send(bytes_, Describe({"SET", "k", "1"}));
  ASSERT_TRUE(AllAnswered());
  EXPECT_THAT(master_.Seen().back(), "SET k 1");
}

// The master is gone, nobody is promoted: replicas go on.
TEST_F(DispatcherReadsTest, ReadsGoOnWithoutTheMaster) {
  WarmUp();
  master_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->Counters().unready_masters.Get() == 1; }));
  for (std::uint32_t turn = 0; turn < 4; ++turn) Read(ReadPolicy::kPreferReplica, turn);
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(Output(), "+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
}

// Else the second, older answer would be given behind the first one's.
TEST_F(DispatcherReadsTest, AReadBehindARefusedOneIsReadAgain) {
  WarmUp();
  std::size_t before = ReadsOf(y_) + ReadsOf(z_);
  for (FakeShard* shard : {&y_, &z_}) {
    shard->Answer([calls = 0](const Words&) mutable -> std::string {
      return ++calls == 1 ? "-LOADING x\r\n" : "+OLD\r\n";
    });
  }
  Read(ReadPolicy::kPreferReplica);
  Read(ReadPolicy::kPreferReplica);
  ASSERT_TRUE(RunUntil(loop_, [&] { return ReadsOf(y_) + ReadsOf(z_) >= before + 2; }));
  for (FakeShard* shard : {&y_, &z_, &master_}) {
    shard->Answer([](const Words&) { return "+NEW\r\n"; });
  }
  ASSERT_TRUE(AllAnswered());
  EXPECT_EQ(Output(), "+NEW\r\n+NEW\r\n");
}

}  // namespace
}  // namespace slotway::proxy
