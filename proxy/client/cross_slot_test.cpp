// SPDX-License-Identifier: Apache-2.0
// What the proxy composes over several slots or all shards, against scripted shards: the steps, and
// what happens when one of them fails.
#include <gmock/gmock.h>

#include "proxy/client/session_fixture.h"

namespace slotway::proxy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;

// wire: what a test sees, byte for byte.
constexpr const char* kNullBulk = "$-1\r\n";
constexpr const char* kZero = ":0\r\n";
constexpr const char* kOne = ":1\r\n";

// Keys by their slots: "a" is in 15495 (y_), "b" in 3300 (x_).
class CrossSlotTest : public SessionFixture {
 protected:
  void BeginAll() {
    settings_.routing.cross_slot = config::CrossSlot::kAll;
    Begin();
  }
  // Answers by the first word; integers of 1 for what is not named.
  static FakeShard::Script Answers(std::map<std::string, std::vector<std::string>> replies) {
    // shared: a script is copied, its state is one.
    auto left = std::make_shared<std::map<std::string, std::vector<std::string>>>(replies);
    return [left](const Words& words) -> std::string {
      auto found = left->find(words[0]);
      if (found == left->end()) return kOne;
      std::string reply = found->second.front();
      if (found->second.size() > 1) found->second.erase(found->second.begin());
      return reply;
    };
  }
};

TEST_F(CrossSlotTest, RenameBeginsAnewIfTheKeyHasChanged) {
  BeginAll();
  x_.Answer(Answers({{"MEMORY", {":60\r\n"}},
                     {"DUMP", {"$12\r\none-checksum\r\n", "$12\r\ntwo-checksum\r\n"}},
                     {"PEXPIRETIME", {":-1\r\n", ":9999\r\n"}},
                     {"EVAL", {kZero, kOne}}}));
  y_.Answer(Answers({{"RESTORE", {"+OK\r\n"}}}));
  ExpectReply("RENAME b a\r\n", "+OK\r\n");
  EXPECT_THAT(y_.Seen(), ElementsAre("RESTORE a 0 one-checksum REPLACE",
                                     "RESTORE a 9999 two-checksum ABSTTL REPLACE"));
  EXPECT_THAT(x_.Seen().back(), HasSubstr(" 1 b 12 o-checksum 9999"));
}

TEST_F(CrossSlotTest, RenameGivesUpWithBothNamesThere) {
  BeginAll();
  x_.Answer(
      Answers({{"DUMP", {"$3\r\none\r\n"}}, {"PEXPIRETIME", {":-1\r\n"}}, {"EVAL", {kZero}}}));
  y_.Answer(Answers({{"RESTORE", {"+OK\r\n"}}}));
  auto client = Connect();
  client->Send("RENAME b a\r\n");
  RunUntil(loop_, [&] { return client->received.ends_with("\r\n"); });
  EXPECT_THAT(client->received, StartsWith("-TRYAGAIN "));
  EXPECT_THAT(x_.Seen(), Not(Contains(StartsWith("UNLINK"))));
}

TEST_F(CrossSlotTest, RenameOfAServerThatKnowsNoExpiryTimes) {
  BeginAll();
  x_.Answer(Answers({{"DUMP", {"$3\r\none\r\n"}},
                     {"PEXPIRETIME", {"-ERR unknown command\r\n"}},
                     {"PTTL", {":500\r\n"}}}));
  y_.Answer(Answers({{"RESTORE", {"+OK\r\n"}}}));
  ExpectReply("RENAME b a\r\n", "+OK\r\n");
  EXPECT_THAT(y_.Seen(), ElementsAre("RESTORE a 500 one REPLACE"));
}

TEST_F(CrossSlotTest, NothingIsRemovedIfTheNewNameCannotBeWritten) {
  BeginAll();
  x_.Answer(Answers({{"DUMP", {"$3\r\none\r\n"}}, {"PEXPIRETIME", {":-1\r\n"}}}));
  y_.Answer(
      Answers({{"RESTORE", {"-OOM no\r\n", "-BUSYKEY Target key name already exists.\r\n"}}}));
  ExpectReply("RENAME b a\r\nRENAMENX b a\r\n", "-OOM no\r\n:0\r\n");
  EXPECT_THAT(x_.Seen(), Not(Contains(StartsWith("EVAL"))));
}

TEST_F(CrossSlotTest, AnElementGoesBackIfItsPushIsRefused) {
  BeginAll();
  x_.Answer(Answers({{"LLEN", {":2\r\n"}}, {"RPOP", {"$1\r\ne\r\n"}}}));
  y_.Answer(Answers({{"LLEN", {kZero}}, {"LPUSH", {"-OOM no\r\n", ":1\r\n"}}}));
  ExpectReply("RPOPLPUSH b a\r\n", "-OOM no\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre("LLEN b", "RPOP b", "RPUSH b e"));
  ExpectReply("RPOPLPUSH b a\r\n", "$1\r\ne\r\n");
}

TEST_F(CrossSlotTest, AnElementWhosePushMayHaveRunDoesNotGoBack) {
  BeginAll();
  x_.Answer(Answers({{"LLEN", {":2\r\n"}}, {"LPOP", {"$1\r\ne\r\n"}}}));
  y_.Answer(Answers({{"LLEN", {kZero}}, {"RPUSH", {std::string(FakeShard::kHangUp)}}}));
  auto client = Connect();
  client->Send("LMOVE b a LEFT RIGHT\r\n");
  RunUntil(loop_, [&] { return client->received.ends_with("\r\n"); });
  EXPECT_THAT(client->received, StartsWith("-OUTCOMEUNKNOWN "));
  EXPECT_THAT(x_.Seen(), ElementsAre("LLEN b", "LPOP b"));
}

TEST_F(CrossSlotTest, AMemberThatSomebodyElseTookIsTakenBack) {
  BeginAll();
  x_.Answer(Answers({{"SREM", {kZero}}}));
  y_.Answer(Answers({{"SISMEMBER", {kZero}}}));
  ExpectReply("SMOVE b a m\r\n", kZero);
  EXPECT_THAT(x_.Seen(), ElementsAre("EXISTS b", "SISMEMBER b m", "SREM b m"));
  EXPECT_THAT(y_.Seen(), ElementsAre("SISMEMBER a m", "SADD a m", "SREM a m"));
}

TEST_F(CrossSlotTest, ACopyThatCannotBeMadeLeavesTheDestinationAlone) {
  BeginAll();
  x_.Answer(Answers({{"MEMORY", {":60\r\n"}}, {"DUMP", {"$3\r\none\r\n"}}}));
  y_.Answer(Answers({{"RESTORE", {"-ERR DUMP payload version or checksum are wrong\r\n"}}}));
  ExpectReply("SUNIONSTORE a b\r\n", "-ERR DUMP payload version or checksum are wrong\r\n");
  EXPECT_THAT(y_.Seen(), Not(Contains(StartsWith("SUNIONSTORE"))));
  EXPECT_THAT(y_.Seen().back(), StartsWith("UNLINK {"));
}

TEST_F(CrossSlotTest, ReadsWriteNothing) {
  Begin();
  x_.Answer(Answers({{"SMEMBERS", {"*2\r\n$1\r\np\r\n$1\r\nq\r\n"}}, {"SINTER", {"*0\r\n"}}}));
  y_.Answer(Answers({{"SMEMBERS", {"*1\r\n$1\r\nq\r\n"}}, {"SINTER", {"*0\r\n"}}}));
  ExpectReply("SINTER a b\r\n", "*1\r\n$1\r\nq\r\n");
  ExpectReply("RENAME a b\r\nCOPY a b\r\n",
              "-CROSSSLOT Keys in request don't hash to the same slot\r\n"
              "-CROSSSLOT Keys in request don't hash to the same slot\r\n");
}

TEST_F(CrossSlotTest, TheBoundHoldsWhateverSizesAreTold) {
  settings_.routing.cross_slot_bytes_max = 20;
  Begin();
  constexpr const char* kTooLarge =
      "-ERR The keys of this request are together larger than routing.cross_slot_bytes_max\r\n";
  auto small = Answers({{"MEMORY", {"-ERR unknown\r\n"}}, {"SMEMBERS", {"*1\r\n$1\r\nq\r\n"}}});
  x_.Answer(small);
  y_.Answer(small);
  ExpectReply("SUNION a b\r\n", kTooLarge);  // 22 bytes of replies
  auto large = Answers({{"MEMORY", {":11\r\n"}}});
  x_.Answer(large);
  y_.Answer(large);
  ExpectReply("SUNION a b\r\n", kTooLarge);
  EXPECT_THAT(x_.Seen().back(), StartsWith("MEMORY"));
}

TEST_F(CrossSlotTest, AFailedPartIsNamed) {
  Begin();
  x_.Answer(Answers({{"MSET", {"-OOM no\r\n"}}, {"FLUSHALL", {"-NOPERM no\r\n"}}}));
  y_.Answer(Answers({{"MSET", {"+OK\r\n"}}, {"FLUSHALL", {"+OK\r\n"}}}));
  ExpectReply("MSET a 1 b 2\r\n", "-OOM no (slot 3300)\r\n");
  ExpectReply("FLUSHALL\r\n", "-NOPERM no (shard " + x_.Address() + ")\r\n");
  y_.Answer(Answers({{"FLUSHALL", {"-NOPERM no\r\n"}}}));
  ExpectReply("FLUSHALL\r\n", "-NOPERM no\r\n");
}

TEST_F(CrossSlotTest, AnErrorOfTheRequestItselfIsRedissText) {
  Begin();
  y_.Answer(Answers({{"MSET", {"+OK\r\n"}}, {"FLUSHALL", {"+OK\r\n"}}}));
  for (std::string error : {"-ERR no\r\n", "-BUSY a script\r\n", "-WRONGTYPE it is\r\n"}) {
    x_.Answer(Answers({{"MSET", {error}}, {"FLUSHALL", {error}}}));
    ExpectReply("MSET a 1 b 2\r\nFLUSHALL\r\n", error + error);
  }
}

TEST_F(CrossSlotTest, AMasterThatComesMeanwhileIsAskedToo) {
  Begin();
  y_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  x_.Answer(Answers({{"FLUSHALL", {"+OK\r\n"}}}));
  auto client = Connect();
  client->Send("FLUSHALL\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return y_.Seen().size() == 1; }));
  FakeShard z{loop_};
  protocol::Topology topology = *services_->topology;
  topology.version = 2;
  topology.nodes.push_back(topology.nodes[0]);
  topology.nodes.back().id = std::string(40, 'c');
  topology.nodes.back().endpoint.port = z.Port();
  topology.owner_of_slot[100] = 2;
  dispatcher_->UpdateTopology(topology);
  y_.Push("+OK\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n"));
  EXPECT_THAT(z.Seen(), ElementsAre("FLUSHALL"));
  EXPECT_EQ(x_.Seen().size(), 1u);
  EXPECT_EQ(y_.Seen().size(), 1u);
  dispatcher_->UpdateTopology(*services_->topology);
}

TEST_F(CrossSlotTest, InfoDoesNotWaitForAShardThatHangs) {
  settings_.routing.info_wait_ms = 20;
  Begin();
  x_.Answer([](const Words&) { return "$33\r\n# Memory\r\nused_memory:5\r\nmaxmem\r\n\r\n"; });
  y_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  auto client = Connect();
  client->Send("INFO memory\r\nPING\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.ends_with("+PONG\r\n"); }));
  EXPECT_THAT(client->received, HasSubstr("used_memory:5\r\n"));
  // Its late answer finds nobody, and does no harm; neither does the end of its connection.
  client->Close();
  y_.Push("$0\r\n\r\n");
  ExpectReply("PING\r\n", "+PONG\r\n");
}

TEST_F(CrossSlotTest, RandomKeyTriesTheOthers) {
  Begin();
  x_.Answer(Answers({{"DBSIZE", {":5\r\n"}}, {"RANDOMKEY", {kNullBulk}}}));
  y_.Answer(Answers({{"DBSIZE", {":5\r\n"}}, {"RANDOMKEY", {"$1\r\na\r\n"}}}));
  for (int i = 0; i < 10; ++i) ExpectReply("RANDOMKEY\r\n", "$1\r\na\r\n");
  y_.Answer(Answers({{"DBSIZE", {":5\r\n"}}, {"RANDOMKEY", {kNullBulk}}}));
  ExpectReply("RANDOMKEY\r\n", kNullBulk);
}

}  // namespace
}  // namespace slotway::proxy
