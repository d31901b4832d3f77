// SPDX-License-Identifier: Apache-2.0
// Blocking commands from a client's socket to scripted shards and back.
#include <gmock/gmock.h>

#include "proxy/client/session_fixture.h"
#include "proxy/reply/blocked_call.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;
using Words = std::vector<std::string>;

constexpr std::string_view kNull = "*-1\r\n";

// Keys by their slots: "a" is in 15495 (y_), "b" in 3300 (x_), "c" in 7365 (x_).
class BlockingTest : public SessionFixture {
 protected:
  bool IsBlocked(FakeShard& shard, std::size_t requests) {
    return RunUntil(loop_, [&] { return Calls(shard).size() >= requests; });
  }
  // What it was asked, without what shows whether a call waits.
  static std::vector<std::string> Calls(const FakeShard& shard) {
    std::vector<std::string> calls = shard.Seen();
    std::erase(calls, "PING");
    return calls;
  }
  std::uint64_t Blocked() const { return dispatcher_->Counters().blocked_now.Get(); }
  BlockedCall* OnlyBlockedCall() {
    for (ClientSession* session : sessions_.All()) {
      if (session->Replies().Blocked() != nullptr) return session->Replies().Blocked();
    }
    return nullptr;
  }
  static std::string Silence(const Words& words) { return Unless(words, ""); }
  // PING is answered in any case.
  static std::string Unless(const Words& words, std::string_view reply) {
    return words[0] == "PING" ? "+PONG\r\n" : std::string(reply);
  }
  static std::string Moved(const FakeShard& to) {
    return "-MOVED 3300 " + to.Address() + "\r\n";
  }
};

TEST_F(BlockingTest, WaitsOnAConnectionOfItsOwnAndGivesItBack) {
  Begin();
  x_.Answer([](const Words& words) -> std::string {
    return words[0] == "BLPOP" ? "" : "+OK\r\n";
  });
  auto blocked = Connect();
  blocked->Send("BLPOP b 0\r\nPING\r\n");
  ASSERT_TRUE(IsBlocked(x_, 1));
  EXPECT_EQ(Blocked(), 1u);
  EXPECT_EQ(dispatcher_->Private().Leased(), 1u);
  ExpectReply("SET b 1\r\n", "+OK\r\n");
  EXPECT_EQ(blocked->received, "");
  x_.Push("*2\r\n$1\r\nb\r\n$1\r\nv\r\n");  // on all connections: the shared one ends by it
  ASSERT_TRUE(Received(*blocked, "*2\r\n$1\r\nb\r\n$1\r\nv\r\n+PONG\r\n"));
  EXPECT_EQ(dispatcher_->Private().Leased(), 0u);
  EXPECT_EQ(dispatcher_->Private().Size(), 1u);
  EXPECT_EQ(Blocked(), 0u);
}

TEST_F(BlockingTest, WaitsForWhatWasAskedBefore) {
  Begin();
  x_.Answer(Silence);
  auto client = Connect();
  client->Send("RPUSH b 1\r\nXREAD STREAMS b 0\r\nBLPOP b 0\r\n");
  ASSERT_TRUE(IsBlocked(x_, 2));
  ExpectReply("PING\r\n", "+PONG\r\n");
  EXPECT_EQ(Calls(x_).size(), 2u);
  EXPECT_EQ(dispatcher_->Private().Size(), 0u);
}

TEST_F(BlockingTest, GoesAfterAMovedSlotWithTheTimeThatIsLeft) {
  Begin();
  x_.Answer([&](const Words& words) { return Unless(words, Moved(y_)); });
  y_.Answer(Silence);
  auto client = Connect();
  client->Send("BLPOP b 60.5\r\n");
  ASSERT_TRUE(IsBlocked(y_, 1));
  EXPECT_THAT(Calls(y_)[0], MatchesRegex("BLPOP b (60.5|60\\.4..)"));
  EXPECT_THAT(Calls(x_), ElementsAre("BLPOP b 60.5"));
}

TEST_F(BlockingTest, FollowsAskForOneTry) {
  Begin();
  int asked = 0;
  x_.Answer([&](const Words& words) -> std::string {
    if (words[0] == "PING") return "+PONG\r\n";
    return ++asked == 1 ? "-ASK 3300 " + y_.Address() + "\r\n" : "";
  });
  y_.Answer([&](const Words& words) {
    return Unless(words, words[0] == "ASKING" ? "+OK\r\n" : "-TRYAGAIN later\r\n");
  });
  auto client = Connect();
  client->Send("BRPOPLPUSH b b 0\r\n");
  ASSERT_TRUE(IsBlocked(x_, 2));
  EXPECT_THAT(y_.Seen(), ElementsAre("PING", "ASKING", "BRPOPLPUSH b b 0"));
}

TEST_F(BlockingTest, AForcedEndIsNoneOfTheClientsBusiness) {
  Begin();
  int asked = 0;
  x_.Answer([&](const Words&) -> std::string {
    if (++asked > 1) return ":1\r\n";
    return "-UNBLOCKED force unblock from blocking operation, instance state changed\r\n";
  });
  ExpectReply("XREAD BLOCK 0 STREAMS b 0\r\n", ":1\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre("XREAD BLOCK 0 STREAMS b 0", "XREAD BLOCK 0 STREAMS b 0"));
}

TEST_F(BlockingTest, TheEndOfAStreamIsThatOfTheFirstCall) {
  Begin();
  int asked = 0;
  x_.Answer([&](const Words& words) -> std::string {
    if (words[0] == "XINFO" && words[2] == "{b}2") return "-ERR no such key\r\n";
    if (words[0] == "XINFO") {
      return "*4\r\n$6\r\nlength\r\n:1\r\n$17\r\nlast-generated-id\r\n$3\r\n5-7\r\n";
    }
    if (++asked > 1) return ":1\r\n";
    return "-UNBLOCKED force unblock from blocking operation, instance state changed\r\n";
  });
  ExpectReply("XREAD BLOCK 0 STREAMS b {b}1 {b}2 $ 3-0 $\r\n", ":1\r\n");
  const std::string read = "XREAD BLOCK 0 STREAMS b {b}1 {b}2 5-7 3-0 0-0";
  EXPECT_THAT(x_.Seen(), ElementsAre("XINFO STREAM b", "XINFO STREAM {b}2", read, read));
}

TEST_F(BlockingTest, TheEndOfWhatIsNoStreamIsTheShardsToRefuse) {
  Begin();
  x_.Answer([](const Words&) { return "-WRONGTYPE no stream\r\n"; });
  ExpectReply("XREAD BLOCK 9 STREAMS b $\r\n", "-WRONGTYPE no stream\r\n");
  ExpectReply("XREADGROUP GROUP g c BLOCK 9 STREAMS b $\r\n", "-WRONGTYPE no stream\r\n");
  EXPECT_THAT(Calls(x_), ElementsAre("XINFO STREAM b", "XREAD BLOCK 9 STREAMS b $",
                                     "XREADGROUP GROUP g c BLOCK 9 STREAMS b $"));
}

TEST_F(BlockingTest, OtherErrorsAreTheClients) {
  Begin();
  x_.Answer([](const Words&) { return "-UNBLOCKED the stream key no longer exists\r\n"; });
  ExpectReply("XREADGROUP GROUP g c BLOCK 0 STREAMS b >\r\n",
              "-UNBLOCKED the stream key no longer exists\r\n");
}

TEST_F(BlockingTest, ALostShardIsWaitedForAndTimeGoesOn) {
  Begin();
  x_.Answer(Silence);
  auto client = Connect();
  client->Send("BLPOP b 0.2\r\n");
  ASSERT_TRUE(IsBlocked(x_, 1));
  x_.HangUp(true);
  // Nobody is there to say that the time is over.
  ASSERT_TRUE(Received(*client, kNull));
  EXPECT_EQ(dispatcher_->HeldRequests(), 0u);
  client->Send("BLPOP b 0\r\n");
  RunUntil(loop_, [&] { return dispatcher_->HeldRequests() == 1; });
  x_.Answer([](const Words& words) { return Unless(words, ":7\r\n"); });
  x_.Reopen();
  ASSERT_TRUE(Received(*client, ":7\r\n"));
}

// Without the answer to the PING in front of it, a call may have found something at once.
TEST_F(BlockingTest, AWriteThatMayHaveRunIsNotSentAgain) {
  constexpr std::string_view kUnknown =
      "-OUTCOMEUNKNOWN The connection to the shard was lost after the command was sent: it may or "
      "may not have run\r\n";
  Begin();
  int blocked = 0;
  for (std::string call :
       {"BLPOP b 0", "BLPOP b 0.001", "BLMOVE b b LEFT LEFT 0",
        "XREADGROUP GROUP g c BLOCK 0 STREAMS b >", "XREAD BLOCK 0 STREAMS b 0"}) {
    blocked = 0;
    x_.Answer([&](const Words& words) -> std::string {
      if (words[0] == "PING") return "";  // lost with the connection, as the answer behind it
      return ++blocked == 1 ? std::string(FakeShard::kHangUp) : ":7\r\n";
    });
    bool is_read = call.starts_with("XREAD ");
    ExpectReply(call + "\r\n", is_read ? ":7\r\n" : std::string(kUnknown));
    EXPECT_EQ(blocked, is_read ? 2 : 1) << call;
  }
  EXPECT_EQ(Blocked(), 0u);
}

TEST_F(BlockingTest, HoldingHasItsBounds) {
  settings_.hold.time_max_ms = 50;
  Begin();
  x_.Answer(Silence);
  auto client = Connect();
  client->Send("BLPOP b 0\r\n");
  ASSERT_TRUE(IsBlocked(x_, 1));
  x_.HangUp(true);
  ASSERT_TRUE(
      Received(*client, "-CLUSTERDOWN The shard that serves this slot cannot be reached\r\n"));
  EXPECT_EQ(Blocked(), 0u);
}

TEST_F(BlockingTest, EndsWithItsClient) {
  Begin();
  x_.Answer(Silence);
  auto leaves = Connect();
  leaves->Send("BLPOP b 0\r\n");
  auto pipelines = Connect();
  pipelines->Send("BLPOP b 0\r\nPING\r\nPING\r\n");
  auto waits = Connect();
  ASSERT_TRUE(IsBlocked(x_, 2));
  x_.HangUp(true);
  waits->Send("BLPOP b 0\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->HeldRequests() == 3; }));
  x_.Reopen();
  ASSERT_TRUE(IsBlocked(x_, 5));
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->Private().Leased() == 3; }));
  leaves->Close();
  pipelines->Close();
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->Private().Size() == 1; }));
  EXPECT_EQ(Blocked(), 1u);
  waits->Close();
  ASSERT_TRUE(RunUntil(loop_, [&] { return sessions_.Empty(); }));
  EXPECT_EQ(Blocked(), 0u);
}

TEST_F(BlockingTest, ADrainEndsIt) {
  Begin();
  x_.Answer(Silence);
  auto client = Connect();
  client->Send("BLPOP b 0\r\n");
  ASSERT_TRUE(IsBlocked(x_, 1));
  loop_.Post([this] { sessions_.All()[0]->CloseWhenAnswered(); });
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->is_ended; }));
  EXPECT_EQ(dispatcher_->Private().Size(), 0u);
}

// Who has said how long it would wait gets the answer of a wait that is over.
TEST_F(BlockingTest, TheLastCallOfADrainEndsItAsItsTimeDoes) {
  Begin();
  x_.AnswerGreetings([](const Words& words) -> std::string {
    return words.size() == 2 && words[1] == "ID" ? ":77\r\n" : "+OK\r\n";
  });
  x_.Answer(Silence);
  auto patient = Connect(), endless = Connect();
  patient->Send("BLPOP b 100\r\n");
  ASSERT_TRUE(IsBlocked(x_, 1));
  endless->Send("BLPOP b 0\r\n");
  ASSERT_TRUE(IsBlocked(x_, 2));
  int asked = 0;
  x_.AnswerGreetings([&](const Words& words) -> std::string {
    if (words.size() == 4 && words[1] == "UNBLOCK" && words[3] == "TIMEOUT") ++asked;
    return ":0\r\n";  // it has not read of it yet
  });
  bool is_last_call = false;
  runtime::Timer tick(loop_);
  tick.Start(0, 5, [&] {
    for (ClientSession* session : sessions_.All()) session->TakeLeave(is_last_call);
  });
  const std::uint64_t began_ms = loop_.NowMs();
  ASSERT_TRUE(RunUntil(loop_, [&] { return loop_.NowMs() - began_ms > 50; }));
  EXPECT_FALSE(patient->is_ended || endless->is_ended);
  is_last_call = true;
  ASSERT_TRUE(RunUntil(loop_, [&] { return endless->is_ended && asked > 1; }));
  EXPECT_EQ(endless->received, "");
  x_.Push(kNull);
  ASSERT_TRUE(RunUntil(loop_, [&] { return patient->is_ended; }));
  EXPECT_EQ(patient->received, kNull);
}

TEST_F(BlockingTest, TheirNumberIsBounded) {
  settings_.limits.private_connections_max = 1;
  Begin();
  x_.Answer(Silence);
  auto client = Connect();
  client->Send("BLPOP b 0\r\n");
  ASSERT_TRUE(IsBlocked(x_, 1));
  ExpectReply("BLPOP c 0\r\n",
              "-ERR Too many clients have connections to the shards of their own "
              "(limits.private_connections_max)\r\n");
}

TEST_F(BlockingTest, UnblockIsTheShardsToDecide) {
  settings_.limits.private_connections_max = 1;  // it is asked on one more
  Begin();
  x_.AnswerGreetings([](const Words& words) -> std::string {
    return words.size() == 2 && words[1] == "ID" ? ":77\r\n" : "+OK\r\n";
  });
  x_.Answer(Silence);
  auto client = Connect();
  client->Send("BLPOP b 0\r\n");
  ASSERT_TRUE(IsBlocked(x_, 1));
  int told = -1;
  // The question is a greeting to the scripted shard: its answers are given there.
  Words question;
  x_.AnswerGreetings([&](const Words& words) -> std::string {
    question = words;
    return ":1\r\n";
  });
  loop_.Post([&] { OnlyBlockedCall()->Unblock(true, [&](bool is_done) { told = is_done; }); });
  ASSERT_TRUE(RunUntil(loop_, [&] { return told != -1; }));
  EXPECT_EQ(told, 1);
  EXPECT_THAT(question, ElementsAre("CLIENT", "UNBLOCK", "77", "ERROR"));
  x_.Push("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
  ASSERT_TRUE(Received(*client, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"));
  // A late CLIENT UNBLOCK must not meet another's call there.
  EXPECT_TRUE(RunUntil(loop_, [&] { return dispatcher_->Private().Size() == 0; }));
}

TEST_F(BlockingTest, AnUnblockThatCameTooEarlyIsNotTheLast) {
  Begin();
  x_.AnswerGreetings([](const Words& words) -> std::string {
    return words.size() == 2 && words[1] == "ID" ? ":77\r\n" : "+OK\r\n";
  });
  x_.Answer(Silence);
  auto client = Connect();
  client->Send("BLPOP b 0\r\n");
  ASSERT_TRUE(IsBlocked(x_, 1));
  for (int answer : {0, 0, 1}) {
    int told = -1;
    x_.AnswerGreetings([answer](const Words&) { return ":" + std::to_string(answer) + "\r\n"; });
    loop_.Post([&] { OnlyBlockedCall()->Unblock(false, [&](bool is_done) { told = is_done; }); });
    ASSERT_TRUE(RunUntil(loop_, [&] { return told != -1; }));
    EXPECT_EQ(told, answer);
    if (answer == 1) break;
    // The shard said no: its loss ends nothing.
    x_.HangUp();
    x_.AnswerGreetings([](const Words& words) -> std::string {
      return words.size() == 2 && words[1] == "ID" ? ":77\r\n" : "+OK\r\n";
    });
    std::size_t seen = Calls(x_).size();
    ASSERT_TRUE(IsBlocked(x_, seen + 1));
  }
  x_.HangUp();
  EXPECT_TRUE(Received(*client, kNull));
}

// The connection whose answer sends the call elsewhere makes room for the next one.
TEST_F(BlockingTest, ARedirectNeedsNoRoomForTwo) {
  settings_.limits.private_connections_max = 1;
  Begin();
  x_.Answer([&](const Words& words) { return Unless(words, Moved(y_)); });
  y_.Answer([](const Words& words) { return Unless(words, "*2\r\n$1\r\nb\r\n$1\r\n1\r\n"); });
  ExpectReply("BLPOP b 0\r\n", "*2\r\n$1\r\nb\r\n$1\r\n1\r\n");
  EXPECT_EQ(Calls(y_).size(), 1u);
  EXPECT_EQ(dispatcher_->Private().Leased(), 0u);
}

TEST_F(BlockingTest, UnblockWithNoShardToAsk) {
  Begin();
  x_.Answer(Silence);
  x_.HangUp(true);
  for (bool with_error : {false, true}) {
    auto client = Connect();
    client->Send("BLPOP b 0\r\n");
    ASSERT_TRUE(RunUntil(loop_, [&] { return OnlyBlockedCall() != nullptr; }));
    bool told = false;
    loop_.Post([&] {
      OnlyBlockedCall()->Unblock(with_error, [&](bool is_done) { told = is_done; });
    });
    ASSERT_TRUE(Received(*client, with_error
                                      ? "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"
                                      : kNull));
    EXPECT_TRUE(told);
  }
}

TEST_F(BlockingTest, WaitAsksOnlyWhereTheClientHasWritten) {
  Begin();
  auto answer = [](int count) {
    return [count](const Words& words) -> std::string {
      return words[0] == "WAIT" ? ":" + std::to_string(count) + "\r\n" : "+OK\r\n";
    };
  };
  x_.Answer(answer(2));
  y_.Answer(answer(1));
  auto client = Connect();
  client->Send("SET b 1\r\nWAIT 2 0\r\nGET a\r\nWAIT 2 5\r\nMSET a 1 b 2\r\nWAIT 2 0\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n:2\r\n+OK\r\n:2\r\n+OK\r\n:1\r\n"));
  EXPECT_THAT(x_.Seen(), ElementsAre("SET b 1", "PING", "WAIT 2 0", "PING", "WAIT 2 5", "MSET b 2",
                                     "PING", "WAIT 2 0"));
  EXPECT_THAT(y_.Seen(), ElementsAre("GET a", "MSET a 1", "PING", "WAIT 2 0"));
  // Who has written nothing is told about all.
  ExpectReply("WAIT 0 0\r\n", ":1\r\n");
}

TEST_F(BlockingTest, WaitaofJoinsPlaceByPlaceAndOneErrorIsTheReply) {
  Begin();
  auto answer = [](std::string reply) {
    return [reply](const Words& words) -> std::string {
      return words[0].starts_with("WAIT") ? reply : "+OK\r\n";
    };
  };
  x_.Answer(answer("*2\r\n:1\r\n:2\r\n"));
  y_.Answer(answer("*2\r\n:0\r\n:3\r\n"));
  ExpectReply("WAITAOF 1 1 0\r\n", "*2\r\n:0\r\n:2\r\n");
  x_.Answer(Silence);
  y_.Answer(answer("-ERR timeout is negative\r\n"));
  ExpectReply("WAIT 1 -1\r\n", "-ERR timeout is negative\r\n");
  EXPECT_TRUE(RunUntil(loop_, [&] { return dispatcher_->Private().Leased() == 0; }));
}

}  // namespace
}  // namespace slotway::proxy
