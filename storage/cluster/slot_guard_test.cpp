// SPDX-License-Identifier: Apache-2.0
// Every expected verdict was seen on a real server (7.0.15) in the same situation.
#include "storage/cluster/slot_guard.h"

#include <gtest/gtest.h>
#include <set>

#include "storage/cluster/cluster_fixture.h"

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;

const std::set<std::string_view> kKeysHere = {"a", "{a}1", "b"};

struct Situation {
  const char* name;
  int my_place;  // key "a" is in slot 15495, which place 2 owns; "b" is in 3300, place 0
  enum class Open { kNone, kMigrating, kImporting } open;
  std::vector<std::string_view> keys;
  GuardedRequest request;  // without the keys
  Verdict verdict;
};
using Open = Situation::Open;

const Situation kSituations[] = {
    {"no key", 0, Open::kNone, {}, {}, Verdict::kServe},
    {"own key", 2, Open::kNone, {"a"}, {}, Verdict::kServe},
    {"own keys", 2, Open::kNone, {"a", "{a}9"}, {}, Verdict::kServe},
    {"other's key", 0, Open::kNone, {"a"}, {}, Verdict::kMoved},
    {"two slots", 2, Open::kNone, {"a", "b"}, {}, Verdict::kCrossSlot},
    {"two slots of another", 1, Open::kNone, {"b", "a"}, {}, Verdict::kCrossSlot},

    {"leaving, here", 2, Open::kMigrating, {"a"}, {}, Verdict::kServe},
    {"leaving, gone", 2, Open::kMigrating, {"{a}9"}, {}, Verdict::kAsk},
    {"leaving, all here", 2, Open::kMigrating, {"a", "{a}1"}, {}, Verdict::kServe},
    {"leaving, torn", 2, Open::kMigrating, {"a", "{a}9"}, {}, Verdict::kTryAgain},
    {"leaving, all gone", 2, Open::kMigrating, {"{a}8", "{a}9"}, {}, Verdict::kAsk},
    {"leaving, two slots", 2, Open::kMigrating, {"a", "b"}, {}, Verdict::kCrossSlot},
    {"leaving, channel", 2, Open::kMigrating, {"{a}9"}, {.is_shard_pubsub = true}, Verdict::kServe},
    {"leaving, MIGRATE", 2, Open::kMigrating, {"{a}9"}, {.is_migrate = true}, Verdict::kServe},

    {"coming, not asked", 0, Open::kImporting, {"a"}, {}, Verdict::kMoved},
    {"coming, asked, here", 0, Open::kImporting, {"a"}, {.is_asking = true}, Verdict::kServe},
    {"coming, asked, gone", 0, Open::kImporting, {"{a}9"}, {.is_asking = true}, Verdict::kServe},
    {"coming, asked, all here",
     0,
     Open::kImporting,
     {"a", "{a}1"},
     {.is_asking = true},
     Verdict::kServe},
    {"coming, asked, torn",
     0,
     Open::kImporting,
     {"a", "{a}9"},
     {.is_asking = true},
     Verdict::kTryAgain},
    {"coming, asked, all gone",
     0,
     Open::kImporting,
     {"{a}8", "{a}9"},
     {.is_asking = true},
     Verdict::kTryAgain},
    {"coming, asked, one key twice",
     0,
     Open::kImporting,
     {"{a}9", "{a}9"},
     {.is_asking = true},
     Verdict::kServe},
    {"coming, channel", 0, Open::kImporting, {"{a}9"}, {.is_shard_pubsub = true}, Verdict::kMoved},
    {"coming, asked, channel",
     0,
     Open::kImporting,
     {"{a}9"},
     {.is_shard_pubsub = true, .is_asking = true},
     Verdict::kServe},
    {"asked for a settled slot", 0, Open::kNone, {"a"}, {.is_asking = true}, Verdict::kMoved},

    {"replica", 5, Open::kNone, {"a"}, {}, Verdict::kMoved},
    {"replica, channel", 5, Open::kNone, {"a"}, {.is_shard_pubsub = true}, Verdict::kServe},
    {"other's replica, channel", 4, Open::kNone, {"a"}, {.is_shard_pubsub = true}, Verdict::kMoved},
};

TEST(SlotGuardTest, JudgesAsRedisDoes) {
  for (const Situation& situation : kSituations) {
    SCOPED_TRACE(situation.name);
    ClusterState state = ThreeShards(situation.my_place);
    if (situation.open == Open::kMigrating) state.SetMigrating(Slot(15495), NodeIndex{0});
    if (situation.open == Open::kImporting) state.SetImporting(Slot(15495), NodeIndex{2});
    GuardedRequest request = situation.request;
    request.keys = situation.keys;
    Judgement judgement =
        JudgeRequest(state, request, [](std::string_view key) { return kKeysHere.contains(key); });
    EXPECT_EQ(judgement.verdict, situation.verdict);
    if (judgement.verdict == Verdict::kMoved) {
      EXPECT_EQ(ErrorOf(state, judgement), "MOVED 15495 127.0.0.1:7003");
    }
    if (judgement.verdict == Verdict::kAsk) {
      EXPECT_EQ(ErrorOf(state, judgement), "ASK 15495 127.0.0.1:7001");
    }
  }
}

std::string AnswerTo(const ClusterState& state, std::vector<std::string_view> keys,
                     GuardedRequest request = {}) {
  request.keys = keys;
  return ErrorOf(state, JudgeRequest(state, request, [](std::string_view) { return true; }));
}

TEST(SlotGuardTest, AMissingSlotTakesTheClusterDown) {
  ClusterState state = ThreeShards(0);
  state.Assign(Slot(3300), kNoNode);  // "b"
  EXPECT_EQ(AnswerTo(state, {"b"}), "CLUSTERDOWN Hash slot not served");
  EXPECT_EQ(AnswerTo(state, {"b", "a"}), "CLUSTERDOWN Hash slot not served");
  EXPECT_EQ(AnswerTo(state, {"a", "b"}), "CROSSSLOT Keys in request don't hash to the same slot");
  EXPECT_EQ(AnswerTo(state, {"a"}), "CLUSTERDOWN The cluster is down");
  EXPECT_EQ(AnswerTo(state, {}), "");
  EXPECT_EQ(AnswerTo(state, {"a"}, {.is_shard_pubsub = true}), "MOVED 15495 127.0.0.1:7003");

  state.SetPolicy({.allow_reads_when_down = true, .allow_pubsubshard_when_down = false});
  EXPECT_EQ(AnswerTo(state, {"b"}), "CLUSTERDOWN Hash slot not served");
  EXPECT_EQ(AnswerTo(state, {"a"}), "MOVED 15495 127.0.0.1:7003");
  EXPECT_EQ(AnswerTo(state, {"a"}, {.is_write = true}),
            "CLUSTERDOWN The cluster is down and only accepts read commands");
  EXPECT_EQ(AnswerTo(state, {"a"}, {.is_shard_pubsub = true}), "CLUSTERDOWN The cluster is down");

  state.SetPolicy({.require_full_coverage = false});
  EXPECT_EQ(AnswerTo(state, {"b"}), "CLUSTERDOWN Hash slot not served");
  EXPECT_EQ(AnswerTo(state, {"a"}), "MOVED 15495 127.0.0.1:7003");
}

TEST(SlotGuardTest, AReplicaReadsForReadonlyClients) {
  const ClusterState state = ThreeShards(5);
  const GuardedRequest read{.is_readonly_client = true};
  EXPECT_EQ(AnswerTo(state, {"a"}, read), "");
  EXPECT_EQ(AnswerTo(state, {"b"}, read), "MOVED 3300 127.0.0.1:7001");
  EXPECT_EQ(AnswerTo(state, {"a"}, {.is_write = true, .is_readonly_client = true}),
            "MOVED 15495 127.0.0.1:7003");
  EXPECT_EQ(AnswerTo(state, {"a"}), "MOVED 15495 127.0.0.1:7003");
}

TEST(SlotGuardTest, NamesTheEndpointAsAsked) {
  ClusterState state = ThreeShards(0);
  std::vector<std::string_view> keys = {"a"};
  Judgement judgement = JudgeRequest(state, {.keys = keys}, {});
  EXPECT_EQ(ErrorOf(state, judgement, EndpointKind::kHostname), "MOVED 15495 ?:7003");
  EXPECT_EQ(ErrorOf(state, judgement, EndpointKind::kUnknown), "MOVED 15495 :7003");
  state.SetHostname(NodeIndex{2}, "c.example");
  EXPECT_EQ(ErrorOf(state, judgement, EndpointKind::kHostname), "MOVED 15495 c.example:7003");
}

TEST(SlotGuardTest, NamesThePortOfTheClientsKind) {
  ClusterState state = ThreeShards(0);
  std::vector<std::string_view> keys = {"a"};
  Judgement judgement = JudgeRequest(state, {.keys = keys}, {});
  const EndpointView other(EndpointKind::kIp, true);
  EXPECT_EQ(ErrorOf(state, judgement, other), "MOVED 15495 127.0.0.1:7003") << "it has no other";
  state.SetOtherPort(NodeIndex{2}, 7443);
  EXPECT_EQ(ErrorOf(state, judgement, other), "MOVED 15495 127.0.0.1:7443");
  EXPECT_EQ(ErrorOf(state, judgement), "MOVED 15495 127.0.0.1:7003");
}

}  // namespace
}  // namespace slotway::storage::cluster
