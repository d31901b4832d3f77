// SPDX-License-Identifier: Apache-2.0
// CLIENT, MONITOR and what clients do to each other, on one loop.
#include <gmock/gmock.h>

#include "proxy/client/session_fixture.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using Words = std::vector<std::string>;

class ClientStateTest : public SessionFixture {
 protected:
  // Everything that has been posted and deferred up to now is through.
  void Settle() {
    ExpectReply("PING\r\n", "+PONG\r\n");
    ExpectReply("PING\r\n", "+PONG\r\n");
  }
  // Lines of the reply to CLIENT LIST.
  std::string ListedBy(TestClient& client, const std::string& filters = "") {
    client.Send("CLIENT LIST" + filters + "\r\n");
    RunUntil(loop_, [&] { return client.received.ends_with("\n\r\n") || client.is_ended; });
    return std::exchange(client.received, {});
  }
};

TEST_F(ClientStateTest, AnAskerThatLeavesIsNoHarm) {
  Begin();
  for (const char* question : {"CLIENT LIST\r\n", "CLIENT UNBLOCK 1\r\n", "MONITOR\r\n",
                               "CLIENT PAUSE 0\r\n", "CLIENT KILL ID 77\r\n"}) {
    SCOPED_TRACE(question);
    auto client = Connect();
    client->Send(question);
    RunUntil(loop_, [&] { return !sessions_.Empty(); });
    client->Close();
    ASSERT_TRUE(RunUntil(loop_, [&] { return sessions_.Empty(); }));
  }
  Settle();
  EXPECT_EQ(services_->monitors.MonitorsOfAllWorkers(), 0u);
  EXPECT_EQ(services_->common_ways & kIsWatched, 0);
}

TEST_F(ClientStateTest, NothingOvertakesAQuestionToAllWorkers) {
  Begin();
  ExpectReply("CLIENT PAUSE 20 WRITE\r\nCLIENT UNBLOCK 9\r\nPING\r\nSET b 1\r\n",
              "+OK\r\n:0\r\n+PONG\r\n+OK\r\n");
}

TEST_F(ClientStateTest, APauseOfWritesHoldsWhatReplicasMustNotMiss) {
  Begin();
  x_.Answer([](const Words&) { return ":1\r\n"; });
  auto pausing = Connect();
  pausing->Send("CLIENT PAUSE 60000 WRITE\r\n");
  ASSERT_TRUE(Received(*pausing, "+OK\r\n"));
  std::vector<std::unique_ptr<TestClient>> held;
  for (const char* request :
       {"SET b gone\r\n", "EVAL x 1 b\r\n", "PFCOUNT b\r\n", "MULTI\r\nGET b\r\nSET b 1\r\nEXEC\r\n"}) {
    held.push_back(Connect());
    held.back()->Send(request);
  }
  ExpectReply("GET b\r\nEVAL_RO x 1 b\r\nMULTI\r\n", ":1\r\n:1\r\n+OK\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre("GET b", "EVAL_RO x 1 b"));
  EXPECT_EQ(held[3]->received, "+OK\r\n+QUEUED\r\n");
  EXPECT_EQ(services_->counters.postponed_clients.Get(), 4u);
  // One of them leaves; nothing of it is sent later.
  held[0]->Close();
  Settle();
  EXPECT_EQ(services_->counters.postponed_clients.Get(), 3u);
  pausing->Send("CLIENT UNPAUSE\r\n");
  ASSERT_TRUE(Received(*pausing, "+OK\r\n"));
  ASSERT_TRUE(Received(*held[1], ":1\r\n"));
  ASSERT_TRUE(Received(*held[2], ":1\r\n"));
  EXPECT_EQ(services_->counters.postponed_clients.Get(), 0u);
  EXPECT_THAT(x_.Seen(), IsSupersetOf({"EVAL x 1 b", "PFCOUNT b"}));
  EXPECT_THAT(x_.Seen(), Not(testing::Contains("SET b gone")));
}

TEST_F(ClientStateTest, APauseIsNeverShortenedAndHoldsNoLess) {
  Begin();
  auto pausing = Connect();
  std::uint64_t began_ms = loop_.NowMs();
  pausing->Send("CLIENT PAUSE 80\r\nCLIENT PAUSE 1 WRITE\r\nPING\r\n");
  ASSERT_TRUE(Received(*pausing, "+OK\r\n+OK\r\n+PONG\r\n"));
  EXPECT_GE(loop_.NowMs() - began_ms, 80u);
}

TEST_F(ClientStateTest, TheListTellsWhatAClientIsDoing) {
  Begin();
  x_.Answer([](const Words&) { return ""; });
  auto asking = Connect();
  asking->Send("HELLO 2 SETNAME me\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return asking->received.ends_with("*0\r\n"); }));
  asking->received.clear();
  auto blocked = Connect();
  blocked->Send("BLPOP b 0\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 2; }));  // PING comes first
  auto queueing = Connect();
  queueing->Send("MULTI\r\nGET b\r\nGET b\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return queueing->received.size() > 20; }));
  std::string listed = ListedBy(*asking);
  EXPECT_THAT(listed, HasSubstr("id=1 "));
  EXPECT_THAT(listed, HasSubstr(" name=me "));
  EXPECT_THAT(listed, HasSubstr(" cmd=client|list user=default redir=-1 resp=2 lib-name= "));
  EXPECT_THAT(listed, HasSubstr(" flags=b "));
  EXPECT_THAT(listed, HasSubstr(" cmd=blpop "));
  EXPECT_THAT(listed, HasSubstr(" flags=x db=0 sub=0 psub=0 ssub=0 multi=2 "));
  std::string one = ListedBy(*asking, " ID 2");
  EXPECT_THAT(one, HasSubstr("id=2 "));
  EXPECT_THAT(one, Not(HasSubstr("id=1 ")));
}

TEST_F(ClientStateTest, UnblockAsksTheShard) {
  Begin();
  x_.AnswerGreetings([](const Words& words) -> std::string {
    if (words[1] == "UNBLOCK") return words[2] == "77" ? ":1\r\n" : ":0\r\n";
    return words.size() == 2 && words[1] == "ID" ? ":77\r\n" : "+OK\r\n";
  });
  x_.Answer([](const Words&) { return ""; });
  auto blocked = Connect();
  blocked->Send("BLPOP b 0\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 2; }));  // PING comes first
  ExpectReply("CLIENT UNBLOCK 1 ERROR\r\nCLIENT UNBLOCK 99\r\n", ":1\r\n:0\r\n");
}

TEST_F(ClientStateTest, NoTouchNeedsMastersThatKnowIt) {
  Begin();
  const std::string refusal = "-ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP.\r\n";
  y_.AnswerGreetings([&](const Words& words) -> std::string {
    return words[1] == "NO-TOUCH" ? refusal : "+OK\r\n";
  });
  ExpectReply("CLIENT NO-TOUCH ON\r\n", refusal);
  std::vector<std::string> greetings;
  auto know = [&](const Words& words) -> std::string {
    if (words.size() == 3) greetings.push_back(words[1] + " " + words[2]);
    return "+OK\r\n";
  };
  x_.AnswerGreetings(know);
  y_.AnswerGreetings(know);
  ExpectReply("CLIENT NO-TOUCH ON\r\nGET b\r\nCLIENT NO-TOUCH OFF\r\nGET b\r\n",
              "+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
  // Both are asked; only its own connection is switched, and to one shard only.
  EXPECT_THAT(greetings, testing::UnorderedElementsAre("NO-TOUCH OFF", "NO-TOUCH OFF",
                                                       "SETNAME slotway-test-0-3", "NO-TOUCH ON"));
}

TEST_F(ClientStateTest, AMonitorSeesWhatOthersAskAndCostsNothingLater) {
  Begin();
  auto monitor = Connect();
  monitor->Send("MONITOR\r\n");
  ASSERT_TRUE(Received(*monitor, "+OK\r\n"));
  ExpectReply("SET b \"\\x00\"\r\nNOPE\r\nCLIENT LIST ID 99\r\n",
              "+OK\r\n-ERR unknown command 'NOPE', with args beginning with: \r\n$0\r\n\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return monitor->received.ends_with("\r\n"); }));
  EXPECT_THAT(monitor->received, HasSubstr("] \"SET\" \"b\" \"\\x00\"\r\n"));
  EXPECT_THAT(monitor->received, Not(HasSubstr("NOPE")));
  EXPECT_THAT(monitor->received, Not(HasSubstr("LIST")));
  monitor->received.clear();
  monitor->Send("GET b\r\n");
  ASSERT_TRUE(Received(*monitor, "-ERR Replica can't interact with the keyspace\r\n"));
  monitor->Send("RESET\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return services_->common_ways == 0; }));
  Settle();
  EXPECT_THAT(monitor->received, Not(HasSubstr("PING")));
  for (ClientSession* session : sessions_.All()) EXPECT_EQ(session->State().ways, 0);
}

}  // namespace
}  // namespace slotway::proxy
