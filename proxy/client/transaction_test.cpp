// SPDX-License-Identifier: Apache-2.0
// MULTI, EXEC and WATCH of a session against scripted shards: what is sent, what is tried again.
#include <gmock/gmock.h>

#include "proxy/client/session_fixture.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::StartsWith;
using Words = std::vector<std::string>;

// wire: what a test sees, byte for byte.
constexpr const char* kQueued = "+QUEUED\r\n";
constexpr const char* kAborted =
    "-EXECABORT Transaction discarded because of previous errors.\r\n";
constexpr const char* kOneOk = "*1\r\n+OK\r\n";

// Keys by their slots: "a" is in 15495 (y_), "b" in 3300 (x_), "c" in 7365 (x_).
class TransactionTest : public SessionFixture {
 protected:
  // A shard that queues everything and answers EXEC with `exec`.
  static FakeShard::Script Queueing(std::string exec) {
    return [exec](const Words& words) -> std::string {
      if (words[0] == "EXEC") return exec;
      bool is_own = words[0] == "MULTI" || words[0] == "WATCH" || words[0] == "UNWATCH";
      return is_own ? std::string(FakeShard::kOk) : kQueued;
    };
  }
  // One that refuses whatever is queued.
  static FakeShard::Script Refusing(std::string error) {
    return [error](const Words& words) -> std::string {
      if (words[0] == "EXEC") return kAborted;
      return words[0] == "MULTI" || words[0] == "UNWATCH" ? std::string(FakeShard::kOk) : error;
    };
  }
};

TEST_F(TransactionTest, GoesOutAtExecInOnePiece) {
  Begin();
  x_.Answer(Queueing("*2\r\n+OK\r\n:5\r\n"));
  auto client = Connect();
  client->Send("MULTI\r\nSET b 1\r\nINCR b\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n+QUEUED\r\n+QUEUED\r\n"));
  EXPECT_THAT(x_.Seen(), ElementsAre());
  client->Send("EXEC\r\nGET b\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 5; }));
  EXPECT_THAT(x_.Seen(), ElementsAre("MULTI", "SET b 1", "INCR b", "EXEC", "GET b"));
  ASSERT_TRUE(Received(*client, "*2\r\n+OK\r\n:5\r\n+QUEUED\r\n"));
}

TEST_F(TransactionTest, WaitsForWhatCameBefore) {
  Begin();
  x_.Answer([](const Words& words) -> std::string {
    return words[0] == "GET" ? std::string(FakeShard::kSilence) : Queueing(kOneOk)(words);
  });
  auto client = Connect();
  client->Send("GET b\r\nMULTI\r\nSET b 1\r\nEXEC\r\nPING\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 1; }));
  x_.Push("$1\r\nv\r\n");
  ASSERT_TRUE(
      Received(*client, "$1\r\nv\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n+PONG\r\n"));
}

TEST_F(TransactionTest, FollowsItsSlot) {
  Begin();
  x_.Answer(Refusing("-MOVED 3300 " + y_.Address() + "\r\n"));
  y_.Answer(Queueing(kOneOk));
  ExpectReply("MULTI\r\nSET b 1\r\nEXEC\r\nSET b 2\r\n",
              "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n+QUEUED\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre("MULTI", "SET b 1", "EXEC"));
  EXPECT_THAT(y_.Seen(), ElementsAre("MULTI", "SET b 1", "EXEC", "SET b 2"));
}

TEST_F(TransactionTest, FollowsAKeyThatHasMovedOnAlready) {
  Begin();
  x_.Answer(Refusing("-ASK 3300 " + y_.Address() + "\r\n"));
  y_.Answer(Queueing(kOneOk));
  ExpectReply("MULTI\r\nSET b 1\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
  EXPECT_THAT(y_.Seen(), ElementsAre("ASKING", "MULTI", "SET b 1", "EXEC"));
}

TEST_F(TransactionTest, IsTriedAgainWhileNothingCanHaveRun) {
  for (std::string error : {"-TRYAGAIN x\r\n", "-CLUSTERDOWN x\r\n", "-LOADING x\r\n",
                            "-READONLY x\r\n", "-MASTERDOWN x\r\n"}) {
    SCOPED_TRACE(error);
    if (dispatcher_ == nullptr) Begin();
    int tries = 0;
    x_.Answer([&](const Words& words) {
      if (words[0] == "EXEC") ++tries;
      return tries < 3 ? Refusing(error)(words) : Queueing(kOneOk)(words);
    });
    ExpectReply("MULTI\r\nSET b 1\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    EXPECT_EQ(tries, 3);
  }
}

TEST_F(TransactionTest, IsTriedAgainNoLongerThanRequestsAreHeld) {
  settings_.hold.time_max_ms = 60;
  Begin();
  x_.Answer(Refusing("-TRYAGAIN Multiple keys\r\n"));
  ExpectReply("MULTI\r\nSET b 1\r\nEXEC\r\n",
              "+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: TRYAGAIN Multiple "
              "keys\r\n");
}

TEST_F(TransactionTest, WhatTheShardRefusesForGoodIsTold) {
  Begin();
  x_.Answer(Refusing("-OOM command not allowed\r\n"));
  ExpectReply("MULTI\r\nSET b 1\r\nEXEC\r\n",
              "+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: OOM command not "
              "allowed\r\n");
  EXPECT_EQ(x_.Seen().size(), 3u);
}

TEST_F(TransactionTest, MayHaveRunWhenTheShardIsLost) {
  Begin();
  x_.Answer([](const Words& words) -> std::string {
    return words[0] == "EXEC" ? std::string(FakeShard::kHangUp) : Queueing("")(words);
  });
  ExpectReply("MULTI\r\nSET b 1\r\nEXEC\r\n",
              "+OK\r\n+QUEUED\r\n-OUTCOMEUNKNOWN The connection to the shard was lost after the "
              "command was sent: it may or may not have run\r\n");
}

TEST_F(TransactionTest, ReadsAloneAreSentAgain) {
  Begin();
  bool is_lost = false;
  x_.Answer([&](const Words& words) -> std::string {
    if (words[0] != "EXEC" || is_lost) return Queueing("*1\r\n$1\r\nv\r\n")(words);
    is_lost = true;
    return std::string(FakeShard::kHangUp);
  });
  ExpectReply("MULTI\r\nGET b\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n$1\r\nv\r\n");
  EXPECT_TRUE(is_lost);
}

TEST_F(TransactionTest, WaitsForAShardThatIsNotThere) {
  Begin();
  x_.HangUp(true);
  x_.Answer(Queueing(kOneOk));
  auto client = Connect();
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->Counters().unready_masters.Get() == 1; }));
  client->Send("MULTI\r\nSET b 1\r\nEXEC\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n+QUEUED\r\n"));
  x_.Reopen();
  ASSERT_TRUE(Received(*client, kOneOk));
}

TEST_F(TransactionTest, WhatTheProxyAnswersStandsAtItsPlace) {
  Begin();
  x_.Answer(Queueing("*2\r\n+OK\r\n$1\r\n1\r\n"));
  ExpectReply("MULTI\r\nPING\r\nSET b 1\r\nECHO e\r\nGET b\r\nPING z\r\nEXEC\r\n",
              "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n"
              "*5\r\n+PONG\r\n+OK\r\n$1\r\ne\r\n$1\r\n1\r\n$1\r\nz\r\n");
  // Not carried out where the shard refused.
  x_.Answer(Refusing("-OOM no\r\n"));
  ExpectReply("MULTI\r\nCLIENT SETNAME me\r\nSET b 1\r\nEXEC\r\nCLIENT GETNAME\r\n",
              "+OK\r\n+QUEUED\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: OOM "
              "no\r\n$-1\r\n");
}

TEST_F(TransactionTest, WhatGoesToAllShardsStandsBeforeOrBehind) {
  Begin();
  auto counting = [](const Words& words) -> std::string {
    return words[0] == "DBSIZE" ? ":2\r\n" : Queueing(kOneOk)(words);
  };
  x_.Answer(counting);
  y_.Answer(counting);
  ExpectReply("MULTI\r\nDBSIZE\r\nSET b 1\r\nDBSIZE\r\nEXEC\r\n",
              "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:4\r\n+OK\r\n:4\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre("DBSIZE", "MULTI", "SET b 1", "EXEC", "DBSIZE"));
  auto client = Connect();
  client->Send("MULTI\r\nSET b 1\r\nDBSIZE\r\nSET b 2\r\nEXEC\r\nPING\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.ends_with("+PONG\r\n"); }));
  EXPECT_THAT(client->received, StartsWith("+OK\r\n+QUEUED\r\n+QUEUED\r\n-ERR A command for all"));
}

TEST_F(TransactionTest, SelectIsUndoneOnTheSharedConnection) {
  settings_.backend.kind = config::BackendKind::kMasterReplica;
  Begin();
  // shared: as a worker's snapshot is.
  auto topology = std::make_shared<protocol::Topology>(*services_->topology);
  topology->has_slots = false;
  topology->version = 2;
  topology->owner_of_slot.fill(0);
  dispatcher_->UpdateTopology(*topology);
  x_.Answer(Queueing("*4\r\n+OK\r\n+OK\r\n:1\r\n+OK\r\n"));
  ExpectReply("SELECT 0\r\nMULTI\r\nSET b 1\r\nSELECT 3\r\nINCR b\r\nEXEC\r\nPING\r\n",
              "+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+OK\r\n:1\r\n+PONG\r\n");
  EXPECT_THAT(x_.Seen(),
              ElementsAre("MULTI", "SET b 1", "SELECT 3", "INCR b", "SELECT 0", "EXEC"));
}

TEST_F(TransactionTest, KeysOfSeveralSlotsAreRefused) {
  Begin();
  auto client = Connect();
  client->Send("MULTI\r\nSET b 1\r\nSET c 1\r\nEXEC\r\n");
  const std::string replies =
      "+OK\r\n+QUEUED\r\n-CROSSSLOT Keys in a transaction have to hash to one slot, and this "
      "command's hash to another\r\n";
  ASSERT_TRUE(Received(*client, replies + kAborted));
  EXPECT_THAT(x_.Seen(), ElementsAre());
}

TEST_F(TransactionTest, WatchHasAConnectionThatIsGivenBackClean) {
  Begin();
  x_.Answer(Queueing("*-1\r\n"));
  auto client = Connect();
  client->Send("WATCH b\r\nGET b\r\nMULTI\r\nSET b 1\r\nEXEC\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n+QUEUED\r\n+OK\r\n+QUEUED\r\n*-1\r\n"));
  EXPECT_EQ(dispatcher_->Private().Leased(), 0u);
  EXPECT_EQ(dispatcher_->Private().Size(), 1u);
  EXPECT_THAT(x_.Seen(), ElementsAre("WATCH b", "GET b", "MULTI", "SET b 1", "EXEC"));
  // EXEC makes the shard forget by itself; these need a word.
  for (std::string end : {"UNWATCH", "MULTI\r\nDISCARD", "MULTI\r\nNOPE\r\nEXEC", "RESET"}) {
    SCOPED_TRACE(end);
    auto seen = x_.Seen().size();
    client->Send("WATCH b\r\n" + end + "\r\n");
    ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == seen + 2; }));
    EXPECT_EQ(x_.Seen().back(), "UNWATCH");
    EXPECT_EQ(dispatcher_->Private().Leased(), 0u);
  }
  client->Send("WATCH b\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->Private().Leased() == 1; }));
  client->Close();
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().back() == "UNWATCH"; }));
  EXPECT_EQ(dispatcher_->Private().Leased(), 0u);
}

// What is watched stays so when the client changes its protocol version.
TEST_F(TransactionTest, AWatchGoesAlongToAnotherProtocolVersion) {
  Begin();
  std::vector<std::string> versions;
  auto greeting = [&](const Words& words) {
    if (words[0] == "HELLO") versions.push_back(words[1]);
    return std::string("+OK\r\n");
  };
  x_.AnswerGreetings(greeting);
  x_.Answer(Queueing("*1\r\n_\r\n"));
  auto client = Connect();
  client->Send("WATCH b\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n"));
  versions.clear();
  client->Send("HELLO 3\r\nWATCH b\r\nMULTI\r\nGET b\r\nEXEC\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.ends_with("*1\r\n_\r\n"); }));
  EXPECT_THAT(x_.Seen(), ElementsAre("WATCH b", "WATCH b", "MULTI", "GET b", "EXEC"));
  // It is given back as it was.
  ASSERT_TRUE(RunUntil(loop_, [&] { return versions.size() == 2; }));
  EXPECT_THAT(versions, ElementsAre("3", "2"));
  EXPECT_EQ(dispatcher_->Private().Leased(), 0u);
}

TEST_F(TransactionTest, AWatchedSlotThatMovedCountsAsTouched) {
  Begin();
  x_.Answer(Queueing(kOneOk));
  auto client = Connect();
  client->Send("WATCH b\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n"));
  x_.Answer(Refusing("-MOVED 3300 " + y_.Address() + "\r\n"));
  client->Send("MULTI\r\nSET b 1\r\nEXEC\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n+QUEUED\r\n*-1\r\n"));
  // The next time it goes where the slot is now.
  client->Send("WATCH b\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return y_.Seen().size() == 1; }));
  EXPECT_EQ(y_.Seen().back(), "WATCH b");
}

TEST_F(TransactionTest, AWatchThatWasLostCountsAsTouched) {
  Begin();
  x_.Answer(Queueing(kOneOk));
  auto client = Connect();
  client->Send("HELLO 3\r\nWATCH b\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.ends_with("+OK\r\n"); }));
  client->received.clear();
  x_.HangUp();
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->Private().Size() == 0; }));
  client->Send("WATCH b\r\nMULTI\r\nSET b 1\r\nEXEC\r\nMULTI\r\nSET b 1\r\nEXEC\r\n");
  ASSERT_TRUE(
      Received(*client, "+OK\r\n+OK\r\n+QUEUED\r\n_\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n"));
}

TEST_F(TransactionTest, WatchIsTriedAgain) {
  Begin();
  int tries = 0;
  x_.Answer([&](const Words&) -> std::string {
    return ++tries < 3 ? "-LOADING x\r\n" : "-MOVED 3300 " + y_.Address() + "\r\n";
  });
  ExpectReply("WATCH b\r\n", "+OK\r\n");
  EXPECT_EQ(y_.Seen().front(), "WATCH b");
  ExpectReply("WATCH b c\r\n",
              "-CROSSSLOT Watched keys have to hash to one slot, and these hash to several\r\n");
}

TEST_F(TransactionTest, PrivateConnectionsHaveABound) {
  settings_.limits.private_connections_max = 1;
  Begin();
  x_.Answer(Queueing(kOneOk));
  auto first = Connect();
  first->Send("WATCH b\r\n");
  ASSERT_TRUE(Received(*first, "+OK\r\n"));
  ExpectReply("WATCH b\r\n",
              "-ERR Too many clients have connections to the shards of their own "
              "(limits.private_connections_max)\r\n");
}

// The connection whose answer sends the WATCH elsewhere makes room for the next one.
TEST_F(TransactionTest, AMovedWatchNeedsNoRoomForTwo) {
  settings_.limits.private_connections_max = 1;
  Begin();
  x_.Answer([&](const Words&) { return "-MOVED 3300 " + y_.Address() + "\r\n"; });
  y_.Answer(Queueing(kOneOk));
  ExpectReply("WATCH b\r\nMULTI\r\nSET b 1\r\nEXEC\r\n",
              "+OK\r\n+OK\r\n+QUEUED\r\n" + std::string(kOneOk));
  EXPECT_EQ(dispatcher_->Private().Leased(), 0u);
}

TEST_F(TransactionTest, AClientMayGoAtAnyPoint) {
  Begin();
  x_.Answer([](const Words& words) -> std::string {
    return words[0] == "EXEC" ? std::string(FakeShard::kSilence) : Queueing("")(words);
  });
  for (std::string requests :
       {"MULTI\r\nSET b 1\r\n", "WATCH b\r\nMULTI\r\nSET b 1\r\n",
        "MULTI\r\nPING\r\nSET b 1\r\nDBSIZE\r\nEXEC\r\n", "WATCH b\r\nMULTI\r\nPING\r\nEXEC\r\n"}) {
    SCOPED_TRACE(requests);
    auto client = Connect();
    client->Send(requests + "PING\r\n");
    ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.ends_with("QUEUED\r\n"); }));
    client->Close();
    ASSERT_TRUE(RunUntil(loop_, [&] { return counters_.requests.Get() > 0; }));
  }
  x_.Push("*1\r\n+OK\r\n");
  x_.HangUp();
  EXPECT_TRUE(RunUntil(loop_, [&] { return sessions_.Empty(); }));
  EXPECT_EQ(dispatcher_->Private().Leased(), 0u);
}

}  // namespace
}  // namespace slotway::proxy
