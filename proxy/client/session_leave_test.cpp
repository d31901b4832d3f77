// SPDX-License-Identifier: Apache-2.0
// What clients get to see whose proxy is about to end.
#include <string>
#include <vector>

#include "proxy/client/session_fixture.h"

namespace slotway::proxy {
namespace {

using Words = std::vector<std::string>;

class SessionLeaveTest : public SessionFixture {
 protected:
  // From now on, as a worker would.
  void Leave() {
    tick_.Start(0, 5, [this] {
      for (ClientSession* session : sessions_.All()) session->TakeLeave(is_last_call_);
    });
  }
  void Pass(std::uint64_t ms) {
    const std::uint64_t until_ms = loop_.NowMs() + ms;
    ASSERT_TRUE(RunUntil(loop_, [&] { return loop_.NowMs() >= until_ms; }));
  }
  std::unique_ptr<TestClient> ConnectAndAsk() {
    auto client = Connect();
    client->Send("PING\r\n");
    EXPECT_TRUE(Received(*client, "+PONG\r\n"));
    return client;
  }
  bool HasEnded(TestClient& client) {
    return RunUntil(loop_, [&] { return client.is_ended; });
  }

  runtime::Timer tick_{loop_};
  bool is_last_call_ = false;
};

TEST_F(SessionLeaveTest, WhoAsksAgainGoesBehindTheAnswer) {
  Begin();
  x_.Answer([](const Words&) -> std::string { return "+1\r\n"; });
  auto client = ConnectAndAsk();
  Leave();
  Pass(100);
  EXPECT_FALSE(client->is_ended);
  client->Send("GET b\r\n");
  ASSERT_TRUE(HasEnded(*client));
  EXPECT_EQ(client->received, "+1\r\n");
}

TEST_F(SessionLeaveTest, WhoIsSilentGoesAfterAWhile) {
  Begin();
  auto client = ConnectAndAsk();
  Leave();
  Pass(Farewell::kAskingMs / 2);
  EXPECT_FALSE(client->is_ended);
  EXPECT_TRUE(HasEnded(*client));
}

// A client asks for what it wants on the same connection right after that, without another look.
TEST_F(SessionLeaveTest, NobodyGoesBehindAGreeting) {
  Begin();
  x_.Answer([](const Words&) -> std::string { return "+1\r\n"; });
  auto client = ConnectAndAsk();
  Leave();
  for (int i = 0; i < 3; ++i) {
    client->Send("CLIENT SETNAME x\r\nPING\r\n");
    ASSERT_TRUE(Received(*client, "+OK\r\n+PONG\r\n"));
    Pass(2 * Farewell::kQuietMs);
    EXPECT_FALSE(client->is_ended);
  }
  client->Send("GET b\r\n");
  EXPECT_TRUE(HasEnded(*client));
  EXPECT_EQ(client->received, "+1\r\n");
}

TEST_F(SessionLeaveTest, APipelineThatComesInPiecesIsAnsweredAsAWhole) {
  Begin();
  x_.Answer([](const Words&) -> std::string { return "+1\r\n"; });
  auto client = ConnectAndAsk();
  Leave();
  client->Send("GET b\r\nGET b\r\nGET");
  Pass(Farewell::kQuietOfPipelineMs / 4);
  client->Send(" b\r\n");
  Pass(Farewell::kQuietOfPipelineMs / 4);
  EXPECT_FALSE(client->is_ended);
  client->Send("GET b\r\nGET b\r\n");
  ASSERT_TRUE(HasEnded(*client));
  EXPECT_EQ(client->received, "+1\r\n+1\r\n+1\r\n+1\r\n+1\r\n");
}

// Who shares a connection sends at any time. It is served on, and goes when it is quiet.
TEST_F(SessionLeaveTest, WhoIsNeverQuietIsServedOn) {
  Begin();
  x_.Answer([](const Words&) -> std::string { return "+1\r\n"; });
  auto client = ConnectAndAsk();
  Leave();
  std::size_t asked = 0;
  runtime::Timer timer(loop_);
  timer.Start(0, 3, [&] {
    client->Send("GET b\r\n");
    ++asked;
  });
  Pass(300);
  EXPECT_FALSE(client->is_ended);
  timer.Stop();
  // Its last answer may have left before: then it asks once more.
  Pass(Farewell::kRetryMs + Farewell::kQuietOfPipelineMs + Farewell::kKeepMoreMs);
  if (!client->is_ended) {
    client->Send("GET b\r\n");
    ++asked;
  }
  ASSERT_TRUE(HasEnded(*client));
  EXPECT_EQ(client->received.size(), 4 * asked);
}

TEST_F(SessionLeaveTest, ATransactionIsFinished) {
  Begin();
  x_.Answer([](const Words& words) -> std::string {
    return words[0] == "EXEC" ? "*1\r\n+1\r\n" : words[0] == "MULTI" ? "+OK\r\n" : "+QUEUED\r\n";
  });
  auto client = Connect();
  client->Send("MULTI\r\nGET b\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n+QUEUED\r\n"));
  Leave();
  Pass(Farewell::kAskingMs + 100);
  EXPECT_FALSE(client->is_ended);
  client->Send("EXEC\r\n");
  ASSERT_TRUE(HasEnded(*client));
  EXPECT_EQ(client->received, "*1\r\n+1\r\n");
}

TEST_F(SessionLeaveTest, WhoListensGoesAfterAWhile) {
  Begin();
  auto client = Connect();
  client->Send("SUBSCRIBE a\r\n");
  ASSERT_TRUE(Received(*client, "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"));
  Leave();
  EXPECT_TRUE(HasEnded(*client));
}

TEST_F(SessionLeaveTest, AtTheLastCallWhoPlansATransactionGoes) {
  Begin();
  auto client = Connect();
  client->Send("MULTI\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n"));
  is_last_call_ = true;
  Leave();
  EXPECT_TRUE(HasEnded(*client));
}

}  // namespace
}  // namespace slotway::proxy
