// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/client_session.h"

#include <gmock/gmock.h>

#include "protocol/resp_writer.h"
#include "proxy/client/session_fixture.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Words = std::vector<std::string>;

// Keys by their slots: "a" is in 15495 (y_), "b" in 3300 (x_), "c" in 7365 (x_).
class ClientSessionTest : public SessionFixture {};

TEST_F(ClientSessionTest, ProtocolErrorsAreToldAndEndTheClient) {
  Begin();
  struct Case {
    std::string input, reply;
  } cases[] = {
      {"*1\r\n+PING\r\n", "-ERR Protocol error: expected '$', got '+'\r\n"},
      {"*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
      {"*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
      {"set \"a\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.input);
    auto client = Connect();
    client->Send("PING\r\n" + c.input + "PING\r\n");
    ASSERT_TRUE(RunUntil(loop_, [&] { return client->is_ended; }));
    EXPECT_EQ(client->received, "+PONG\r\n" + c.reply);
  }
  EXPECT_EQ(counters_.protocol_errors.Get(), 4u);
}

TEST_F(ClientSessionTest, APipelineIsAnsweredInOrderHoweverItIsCut) {
  Begin();
  x_.Answer([](const Words& words) { return "$1\r\n" + words[1] + "\r\n"; });
  y_.Answer([](const Words& words) { return "$1\r\n" + words[1] + "\r\n"; });
  const std::string pipeline =
      "*2\r\n$3\r\nGET\r\n$1\r\na\r\nget b\r\nPING\r\n*0\r\n\r\n*1\r\n$4\r\nNOPE\r\nGET\r\nGET "
      "c\r\n";
  const std::string replies =
      "$1\r\na\r\n$1\r\nb\r\n+PONG\r\n"
      "-ERR unknown command 'NOPE', with args beginning with: \r\n"
      "-ERR wrong number of arguments for 'get' command\r\n$1\r\nc\r\n";
  for (std::size_t cut = 0; cut < pipeline.size(); ++cut) {
    SCOPED_TRACE(cut);
    auto client = Connect();
    client->Send(pipeline.substr(0, cut));
    runtime::Timer rest(loop_);
    rest.Start(1, 0, [&] { client->Send(pipeline.substr(cut)); });
    ASSERT_TRUE(Received(*client, replies));
  }
}

std::string AsArray(const Words& words) {
  std::string bytes;
  protocol::StringSink sink{bytes};
  const std::vector<std::string_view> args(words.begin(), words.end());
  protocol::WriteRequest(sink, std::span<const std::string_view>(args));
  return bytes;
}

// The same request again and again in one read, between others that change what becomes of it.
TEST_F(ClientSessionTest, WhatARequestChangesHoldsForTheNextInTheSameRead) {
  Begin();
  x_.Answer([](const Words& words) { return words[0] == "EXEC" ? "*1\r\n+x\r\n" : "+b\r\n"; });
  y_.Answer([](const Words& words) { return words[0] == "EXEC" ? "*1\r\n+y\r\n" : "+a\r\n"; });
  const std::string get = AsArray({"GET", "a"});
  std::string pipeline = get + get + AsArray({"MULTI"}) + get + AsArray({"DISCARD"}) + get;
  pipeline += AsArray({"CLIENT", "REPLY", "SKIP"}) + get + get;
  pipeline += AsArray({"CLIENT", "REPLY", "OFF"}) + get + AsArray({"CLIENT", "REPLY", "ON"}) + get;
  pipeline += AsArray({"OBJECT", "ENCODING", "a"}) + AsArray({"OBJECT", "NOPE", "a"});
  pipeline += AsArray({"OBJECT", "FREQ", "a"}) + AsArray({"GET"}) + get;
  pipeline += AsArray({"SUBSCRIBE", "news"}) + get + AsArray({"UNSUBSCRIBE"}) + get;
  auto client = Connect();
  client->Send(pipeline);
  ASSERT_TRUE(Received(
      *client,
      "+a\r\n+a\r\n+OK\r\n+QUEUED\r\n+OK\r\n+a\r\n"
      "+a\r\n"
      "+OK\r\n+a\r\n"
      "+a\r\n-ERR unknown subcommand 'NOPE'. Try OBJECT HELP.\r\n"
      "+a\r\n-ERR wrong number of arguments for 'get' command\r\n+a\r\n"
      "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"
      "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
      "allowed in this context\r\n"
      "*3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:0\r\n+a\r\n"));
}

TEST_F(ClientSessionTest, ManyKeysAreSplitAndJoined) {
  Begin();
  x_.Answer([](const Words& words) -> std::string {
    if (words[0] == "DEL") return ":2\r\n";
    return words[0] == "MGET" ? "*2\r\n$1\r\nB\r\n$1\r\nC\r\n" : "+OK\r\n";
  });
  y_.Answer([](const Words& words) -> std::string {
    if (words[0] == "DEL") return ":1\r\n";
    return words[0] == "MGET" ? "*1\r\n$1\r\nA\r\n" : "+OK\r\n";
  });
  // b and {b}2 share a slot.
  ExpectReply("MGET b a {b}2\r\n", "*3\r\n$1\r\nB\r\n$1\r\nA\r\n$1\r\nC\r\n");
  ExpectReply("DEL b a {b}2\r\n", ":3\r\n");
  ExpectReply("MSET b 1 a 2\r\n", "+OK\r\n");
  ExpectReply("MSET b 1 a\r\n", "-ERR wrong number of arguments for 'mset' command\r\n");
  ExpectReply("MSETNX b 1 a 2\r\n", "-CROSSSLOT Keys in request don't hash to the same slot\r\n");
}

TEST_F(ClientSessionTest, RepliesThatNobodyWants) {
  Begin();
  // As Redis: SKIP skips one more, of whatever kind; OFF lasts until ON, which answers.
  ExpectReply("CLIENT REPLY SKIP\r\nPING\r\nPING x\r\n", "$1\r\nx\r\n");
  ExpectReply("CLIENT REPLY SKIP\r\nGET a\r\nPING\r\n", "+PONG\r\n");
  ExpectReply("CLIENT REPLY SKIP\r\nNOPE\r\nPING\r\n", "+PONG\r\n");
  ExpectReply("CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nPING\r\nECHO x\r\n", "$1\r\nx\r\n");
  ExpectReply("CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\n", "+OK\r\n");
  ExpectReply("CLIENT REPLY SKIP\r\nCLIENT REPLY BAD\r\nPING\r\n", "+PONG\r\n");
  ExpectReply(
      "CLIENT REPLY OFF\r\nPING\r\nGET a\r\nCLIENT REPLY SKIP\r\nNOPE\r\nCLIENT REPLY ON\r\n",
      "+OK\r\n");
  ExpectReply("CLIENT REPLY OFF\r\nRESET\r\nPING\r\n", "+RESET\r\n+PONG\r\n");
  ExpectReply("CLIENT REPLY BAD\r\n", "-ERR syntax error\r\n");
}

TEST_F(ClientSessionTest, WhoHasToLogIn) {
  settings_.auth.password = "secret";
  Begin();
  ExpectReply("PING\r\n", "-NOAUTH Authentication required.\r\n");
  ExpectReply("NOPE\r\n", "-ERR unknown command 'NOPE', with args beginning with: \r\n");
  ExpectReply("GET a\r\nAUTH wrong\r\nAUTH nobody secret\r\n",
              "-NOAUTH Authentication required.\r\n"
              "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
              "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  ExpectReply("AUTH secret\r\nGET a\r\n", "+OK\r\n+OK\r\n");
  ExpectReply("AUTH default secret\r\nPING\r\nRESET\r\nPING\r\n",
              "+OK\r\n+PONG\r\n+RESET\r\n-NOAUTH Authentication required.\r\n");
  ExpectReply("HELLO 3\r\n",
              "-NOAUTH HELLO must be called with the client already authenticated, otherwise the "
              "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and "
              "select the RESP protocol version at the same time\r\n");
  ExpectReply("*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n");
  ExpectReply("*1\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n");
  // Behind an AUTH in the same packet the larger bounds hold already.
  std::string large(20000, 'x');
  ExpectReply("AUTH secret\r\n*2\r\n$4\r\nECHO\r\n$20000\r\n" + large + "\r\n",
              "+OK\r\n$20000\r\n" + large + "\r\n");
  EXPECT_THAT(x_.Seen(), testing::IsEmpty());
}

TEST_F(ClientSessionTest, Hello) {
  Begin();
  auto client = Connect();
  client->Send("HELLO 3 SETNAME me\r\nCLIENT GETNAME\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.ends_with("$2\r\nme\r\n"); }));
  EXPECT_THAT(client->received, StartsWith("%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n"));
  ExpectReply("HELLO 4\r\n", "-NOPROTO unsupported protocol version\r\n");
  ExpectReply("HELLO x\r\n", "-ERR Protocol version is not an integer or out of range\r\n");
  ExpectReply("HELLO 3 NOPE\r\n", "-ERR Syntax error in HELLO option 'NOPE'\r\n");
}

// Each version has connections of its own to the shards: what comes behind HELLO must not overtake.
TEST_F(ClientSessionTest, NothingOvertakesAcrossAChangeOfVersion) {
  Begin();
  x_.Answer([](const Words& words) -> std::string {
    return words[0] == "SET" ? std::string(FakeShard::kSilence) : "$1\r\nv\r\n";
  });
  auto client = Connect();
  client->Send("SET b v\r\nHELLO 3\r\nGET b\r\n");
  auto other = Connect();
  other->Send("HELLO 3\r\nGET b\r\n");  // so that the connections of RESP3 are there
  ASSERT_TRUE(RunUntil(loop_, [&] { return other->received.ends_with("$1\r\nv\r\n"); }));
  EXPECT_THAT(x_.Seen(), ElementsAre("SET b v", "GET b"));
  x_.Push("+OK\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.ends_with("$1\r\nv\r\n"); }));
  EXPECT_THAT(client->received, StartsWith("+OK\r\n%7\r\n"));
}

TEST_F(ClientSessionTest, TheConnectionsOwnCommands) {
  Begin();
  ExpectReply("PING hello\r\n", "$5\r\nhello\r\n");
  ExpectReply("PING a b\r\n", "-ERR wrong number of arguments for 'ping' command\r\n");
  ExpectReply("ECHO x\r\n", "$1\r\nx\r\n");
  ExpectReply("SELECT 0\r\n", "+OK\r\n");
  ExpectReply("SELECT 1\r\n", "-ERR SELECT is not allowed in cluster mode\r\n");
  ExpectReply("SELECT x\r\n", "-ERR value is not an integer or out of range\r\n");
  ExpectReply("CLIENT GETNAME\r\nCLIENT SETNAME me\r\nCLIENT GETNAME\r\n",
              "$-1\r\n+OK\r\n$2\r\nme\r\n");
  ExpectReply("CLIENT SETNAME \"two words\"\r\n",
              "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
  ExpectReply("CLIENT SETINFO lib-name mine\r\n", "+OK\r\n");
  ExpectReply("CLIENT SETINFO nope mine\r\n", "-ERR Unrecognized option 'nope'\r\n");
  ExpectReply("CLIENT NOPE\r\n", "-ERR unknown subcommand 'NOPE'. Try CLIENT HELP.\r\n");
  ExpectReply("CLIENT\r\n", "-ERR wrong number of arguments for 'client' command\r\n");
  ExpectReply("READONLY\r\nREADWRITE\r\nASKING\r\n", "+OK\r\n+OK\r\n+OK\r\n");
  ExpectReply("CLUSTER KEYSLOT a\r\n", ":15495\r\n");
}

TEST_F(ClientSessionTest, HowItLooksToClusterClients) {
  settings_.announce = {"proxy.example", 7777};
  Begin();
  auto client = Connect();
  client->Send("CLUSTER SLOTS\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.ends_with("*0\r\n"); }));
  EXPECT_THAT(
      client->received,
      StartsWith("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$13\r\nproxy.example\r\n:7777\r\n$40\r\n"));
  client->received.clear();
  client->Send("CLUSTER INFO\r\nCLUSTER NODES\r\nINFO\r\nCOMMAND COUNT\r\nPING end\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.ends_with("end\r\n"); }));
  for (std::string text : {"cluster_state:ok", "cluster_slots_assigned:16384", "cluster_size:2",
                           " proxy.example:7777@17777 myself,master - 0 0 0 connected 0-16383\n",
                           "redis_version:7.2", "cluster_enabled:1"}) {
    EXPECT_THAT(client->received, HasSubstr(text));
  }
}

TEST_F(ClientSessionTest, AReadOnlyListenerRefusesWrites) {
  settings_.listeners[0].mode = config::ListenerMode::kReadOnly;
  Begin();
  std::vector<Words> seen;
  y_.Answer([&](const Words& words) {
    seen.push_back(words);
    return std::string("+OK\r\n");
  });
  const std::string refused = "-READONLY You can't write against a read only replica.\r\n";
  for (std::string write : {"SET a 1", "FLUSHALL", "GETEX a", "SORT a", "PFADD a b"}) {
    ExpectReply(write + "\r\n", refused);
  }
  ExpectReply("SET a\r\n", "-ERR wrong number of arguments for 'set' command\r\n");
  EXPECT_THAT(seen, testing::IsEmpty());
  // A shard refuses what a script writes if the script runs as one that only reads.
  ExpectReply("GET a\r\nEVAL x 1 a\r\n*4\r\n$4\r\nEVAL\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\na\r\n",
              "+OK\r\n+OK\r\n+OK\r\n");
  EXPECT_THAT(seen, ElementsAre(Words{"GET", "a"}, Words{"eval_ro", "x", "1", "a"},
                                Words{"eval_ro", "x", "1", "a"}));
}

TEST_F(ClientSessionTest, AStandaloneFaceKnowsNothingOfClusters) {
  settings_.listeners[0].face = config::ListenerFace::kStandalone;
  Begin();
  const std::string refused = "-ERR This instance has cluster support disabled\r\n";
  for (std::string command : {"CLUSTER INFO", "CLUSTER SLOTS", "CLUSTER COUNTKEYSINSLOT 1",
                              "CLUSTER HELP", "READONLY", "READWRITE", "ASKING"}) {
    ExpectReply(command + "\r\n", refused);
  }
  ExpectReply("CLUSTER FOO\r\n", "-ERR unknown subcommand 'FOO'. Try CLUSTER HELP.\r\n");
  // As Redis: it is queued, and refused when it would run.
  ExpectReply("MULTI\r\nREADONLY\r\nCLUSTER INFO\r\nEXEC\r\n",
              "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n" + refused + refused);
  ExpectReply("SELECT 0\r\n", "+OK\r\n");
  ExpectReply("SELECT 1\r\n", "-ERR DB index is out of range\r\n");
  auto client = Connect();
  client->Send("HELLO 2\r\nINFO cluster\r\nINFO server\r\n");
  RunUntil(loop_, [&] { return client->received.find("tcp_port") != std::string::npos; });
  EXPECT_THAT(client->received, HasSubstr("$4\r\nmode\r\n$10\r\nstandalone\r\n"));
  EXPECT_THAT(client->received, HasSubstr("cluster_enabled:0\r\n"));
  EXPECT_THAT(client->received, HasSubstr("redis_mode:standalone\r\n"));
  EXPECT_THAT(client->received,
              HasSubstr("tcp_port:" + std::to_string(listener_->Address().Port()) + "\r\n"));
}

TEST_F(ClientSessionTest, QuitAnswersWhatCameBefore) {
  Begin();
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  auto client = Connect();
  client->Send("GET b\r\nQUIT\r\nPING\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 1; }));
  EXPECT_FALSE(client->is_ended);
  x_.Push("$1\r\nv\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->is_ended; }));
  EXPECT_EQ(client->received, "$1\r\nv\r\n+OK\r\n");
  EXPECT_TRUE(RunUntil(loop_, [&] { return sessions_.Empty(); }));
}

TEST_F(ClientSessionTest, AClientMayGoWhileRepliesAreOutstanding) {
  Begin();
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  auto client = Connect();
  client->Send("PING\r\nGET b\r\nGET a\r\nMGET a b\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 2; }));
  client->Close();
  x_.Push("$1\r\nv\r\n*1\r\n$1\r\nv\r\n");
  EXPECT_TRUE(RunUntil(loop_, [&] { return sessions_.Empty(); }));
}

TEST_F(ClientSessionTest, TheDepthOfAPipelineHasABound) {
  settings_.limits.client_pipeline_max = 3;
  Begin();
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  auto client = Connect();
  auto busy = Connect();
  client->Send("PING\r\n");  // not new any more
  ASSERT_TRUE(Received(*client, "+PONG\r\n"));
  client->Send("GET b\r\nGET b\r\nGET b\r\nGET b\r\nPING\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 3; }));
  busy->Send("PING\r\n");
  ASSERT_TRUE(Received(*busy, "+PONG\r\n"));
  EXPECT_EQ(x_.Seen().size(), 3u);
  x_.Push(":1\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 4; }));
  x_.Push(":2\r\n:3\r\n:4\r\n");
  ASSERT_TRUE(Received(*client, ":1\r\n:2\r\n:3\r\n:4\r\n+PONG\r\n"));
}

TEST_F(ClientSessionTest, ARequestHasABound) {
  settings_.limits.request_bytes_max = 100'000;
  settings_.limits.bulk_bytes_max = 90'000;
  settings_.limits.args_max = 5;
  Begin();
  ExpectReply("*2\r\n$4\r\nECHO\r\n$90001\r\n", "-ERR Protocol error: invalid bulk length\r\n");
  ExpectReply("*6\r\n", "-ERR Protocol error: invalid multibulk length\r\n");
  ExpectReply("*3\r\n$4\r\nMGET\r\n$80000\r\n" + std::string(80000, 'a') + "\r\n$80000\r\n",
              "-ERR Protocol error: request larger than request_bytes_max\r\n");
}

TEST_F(ClientSessionTest, TooMuchOutputCutsAClientThatDoesNotRead) {
  settings_.limits.client_output_pause_bytes = 1 << 20;
  settings_.limits.client_output_max_bytes = 16 << 20;
  Begin();
  std::string body(4 << 20, 'x');
  x_.Answer([&](const Words&) { return "$4194304\r\n" + body + "\r\n"; });
  auto client = Connect();
  std::string requests, pongs;
  for (int i = 0; i < 10; ++i) requests += "PING\r\n", pongs += "+PONG\r\n";
  client->Send(requests);
  ASSERT_TRUE(Received(*client, pongs));
  client->StopReading();
  requests.clear();
  for (int i = 0; i < 10; ++i) requests += "GET b\r\n";
  client->Send(requests);
  ASSERT_TRUE(RunUntil(loop_, [&] { return counters_.cut.Get() == 1; }));
  EXPECT_TRUE(RunUntil(loop_, [&] { return sessions_.Empty(); }));
}

// The congestion of one client's shard is nothing to a client that waits for no answer.
TEST_F(ClientSessionTest, ACongestedShardStopsOnlyThoseWhoWaitForIt) {
  Begin();
  auto writer = Connect();
  auto bystander = Connect();
  // Large requests have a connection of their own: it is open.
  writer->Send("*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$70000\r\n" + std::string(70'000, 'x') + "\r\n");
  ASSERT_TRUE(Received(*writer, "+OK\r\n"));
  // Nobody takes the bytes, so they pile up: more than is called congested, and the sockets' own.
  x_.StopReading();
  std::string value(48 << 20, 'x');
  writer->Send("*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$50331648\r\n" + value + "\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->IsCongested(protocol::Slot{3300}); }));
  for (int i = 0; i < 3; ++i) {
    bystander->Send("PING\r\n");
    ASSERT_TRUE(Received(*bystander, "+PONG\r\n"));
  }
  x_.ReadOn();
  ASSERT_TRUE(Received(*writer, "+OK\r\n"));
}

TEST_F(ClientSessionTest, SomethingLargePassesBothWays) {
  Begin();
  std::string value(32 << 20, 'v');
  x_.Answer([&](const Words& words) -> std::string {
    if (words[0] == "SET") return words[2] == value ? "+OK\r\n" : "-ERR other\r\n";
    return "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  });
  auto client = Connect();
  client->Send("*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$33554432\r\n" + value + "\r\nGET b\r\n");
  std::string expected = "+OK\r\n$33554432\r\n" + value + "\r\n";
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.size() >= expected.size(); }));
  EXPECT_TRUE(client->received == expected);
}

TEST_F(ClientSessionTest, WhoTakesOutputIsNotIdle) {
  Begin();
  x_.Answer([](const Words&) { return "$33554432\r\n" + std::string(32 << 20, 'v') + "\r\n"; });
  auto client = Connect();
  client->StopReading();
  client->Send("GET b\r\n");
  // All is answered, nothing is taken: then it counts as idle.
  ASSERT_TRUE(RunUntil(loop_, [&] {
    return !sessions_.Empty() && sessions_.All().front()->BufferedBytes() > 0 &&
           sessions_.All().front()->IsIdle(loop_.NowMs() + 1000, 10);
  }));
  ClientSession& session = *sessions_.All().front();
  client->ReadOn();
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->received.size() > (10 << 20); }));
  EXPECT_FALSE(session.IsIdle(loop_.NowMs() + 1000, 10));
}

// How large a new client's replies are is not known: it begins with few.
TEST_F(ClientSessionTest, ANewClientsPipelineWidensWithItsReplies) {
  Begin();
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  auto client = Connect();
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += "GET b\r\n";
  client->Send(requests);
  std::size_t answered = 0;
  for (std::size_t seen : {2u, 6u, 14u, 30u}) {
    ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() >= seen; })) << seen;
    runtime::Timer wait(loop_);
    bool is_over = false;
    wait.Start(20, 0, [&] { is_over = true; });
    RunUntil(loop_, [&] { return is_over; });
    ASSERT_EQ(x_.Seen().size(), seen);
    for (; answered < seen; ++answered) x_.Push("+1\r\n");
  }
}

// Nor whether what it asks for next is as small as what it got before.
TEST_F(ClientSessionTest, ABurstWaitsForItsFirstReply) {
  Begin();
  auto client = Connect();
  std::string requests, replies;
  for (int i = 0; i < 200; ++i) {
    requests += "GET b\r\n";
    replies += FakeShard::kOk;
  }
  client->Send(requests);
  ASSERT_TRUE(Received(*client, replies));
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  client->Send(requests);
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() >= 264; }));
  runtime::Timer wait(loop_);
  bool is_over = false;
  wait.Start(20, 0, [&] { is_over = true; });
  RunUntil(loop_, [&] { return is_over; });
  EXPECT_EQ(x_.Seen().size(), 264u);
  x_.Push("+1\r\n");
  EXPECT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 273; }));
}

// Least of all of a client that has asked for one thing after the other: it needs room for the rest.
TEST_F(ClientSessionTest, AFirstBurstWaitsEarlier) {
  Begin();
  auto client = Connect();
  for (int i = 0; i < 30; ++i) {
    client->Send("GET b\r\n");
    ASSERT_TRUE(Received(*client, FakeShard::kOk));
  }
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += "GET b\r\n";
  client->Send(requests);
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() >= 39; }));
  runtime::Timer wait(loop_);
  bool is_over = false;
  wait.Start(20, 0, [&] { is_over = true; });
  RunUntil(loop_, [&] { return is_over; });
  EXPECT_EQ(x_.Seen().size(), 39u);
  x_.Push("+1\r\n");
  EXPECT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 40; }));
  // The rest of what was sent together with it.
  for (int i = 0; i < 8; ++i) x_.Push("+1\r\n");
  // A new client may have two outstanding, and one more with each reply: 41, and 39 are answered.
  EXPECT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 80; }));
}

TEST_F(ClientSessionTest, LargeRepliesDoNotStandBeforeThoseOfOthers) {
  Begin();
  const std::string large = "$100000\r\n" + std::string(100'000, 'x') + "\r\n";
  int asked = 0;
  x_.Answer([&](const Words& words) -> std::string {
    if (words[1] != "b") return "$5\r\nsmall\r\n";
    return ++asked <= 10 ? large : std::string(FakeShard::kSilence);
  });
  auto client = Connect();
  for (int i = 0; i < 10; ++i) {
    client->Send("GET b\r\n");
    ASSERT_TRUE(Received(*client, large));
  }
  client->Send("GET b\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return asked == 11; }));
  ExpectReply("GET c\r\n", "$5\r\nsmall\r\n");
  EXPECT_EQ(client->received, "");
}

// A crowd that asks for large replies does not have all of them gathered at the shard at once.
TEST_F(ClientSessionTest, AShardOwesLargeRepliesOnlyUpToABound) {
  Begin();
  const std::string large = "$2000000\r\n" + std::string(2'000'000, 'x') + "\r\n";
  std::size_t asked = 0, answered = 0;
  constexpr std::size_t kClients = 3, kFirst = 30;
  x_.Answer([&](const Words&) -> std::string {
    if (++asked > kFirst) return "";
    ++answered;
    return large;
  });
  std::vector<std::unique_ptr<TestClient>> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(Connect());
    for (std::size_t k = 0; k < kFirst / kClients; ++k) {
      clients.back()->Send("GET b\r\n");
      ASSERT_TRUE(Received(*clients.back(), large));
    }
  }
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += "GET b\r\n";
  for (auto& client : clients) client->Send(requests);
  runtime::Timer wait(loop_);
  bool is_over = false;
  wait.Start(100, 0, [&] { is_over = true; });
  RunUntil(loop_, [&] { return is_over; });
  EXPECT_EQ(asked - answered, 4u) << "8 MiB";
}

// Nor do those of a crowd of whom nobody knows how large their replies are; all get them in the end.
TEST_F(ClientSessionTest, NewcomersAskAShardForAFewRepliesAtOnce) {
  Begin();
  std::size_t asked = 0;
  x_.Answer([&](const Words&) {
    ++asked;
    return std::string(FakeShard::kSilence);
  });
  constexpr std::size_t kClients = 20, kAtOnce = 8;
  std::vector<std::unique_ptr<TestClient>> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(Connect());
    clients.back()->Send("GET b\r\n");
  }
  runtime::Timer wait(loop_);
  bool is_over = false;
  wait.Start(50, 0, [&] { is_over = true; });
  RunUntil(loop_, [&] { return is_over; });
  EXPECT_EQ(asked, kAtOnce);
  for (std::size_t answered = 0; answered < kClients;) {
    // A shard answers together what it was asked together.
    std::string replies;
    for (; answered < asked; ++answered) replies += "+1\r\n";
    x_.Push(replies);
    ASSERT_TRUE(RunUntil(loop_, [&] { return asked == std::min(kClients, answered + kAtOnce); }));
  }
  for (auto& client : clients) EXPECT_TRUE(Received(*client, "+1\r\n"));
}

TEST_F(ClientSessionTest, ADrainAnswersWhatHasArrived) {
  Begin();
  int asked = 0;
  x_.Answer([&](const Words&) -> std::string { return ++asked == 1 ? "" : "+2\r\n"; });
  auto client = Connect(), idle = Connect();
  // What may run long waits for what was asked before: it has not been read yet.
  client->Send("GET b\r\nEVAL x 1 b\r\nPING\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return asked == 1 && sessions_.All().size() == 2; }));
  runtime::Timer tick(loop_);
  tick.Start(0, 5, [this] {
    for (ClientSession* session : sessions_.All()) session->TakeLeave(true);
  });
  ASSERT_TRUE(RunUntil(loop_, [&] { return idle->is_ended; }));
  EXPECT_FALSE(client->is_ended);
  x_.Push("+1\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client->is_ended; }));
  EXPECT_EQ(client->received, "+1\r\n+2\r\n+PONG\r\n");
}

}  // namespace
}  // namespace slotway::proxy
