// SPDX-License-Identifier: Apache-2.0
// Subscriptions through a session, with scripted shards.
#include <gmock/gmock.h>

#include "proxy/client/session_fixture.h"

namespace slotway::proxy {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

const std::string kSubscribedA = "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n";
const std::string kMessageA = "$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n";

class SubscribeTest : public SessionFixture {
 protected:
  // As a shard in RESP3: confirmations are pushes, which stand for themselves here.
  SubscribeTest() {
    auto script = [](const Words& words) {
      return words[0].ends_with("subscribe") ? std::string(FakeShard::kSilence)
                                             : std::string(FakeShard::kOk);
    };
    x_.Answer(script);
    y_.Answer(script);
  }
  // Each gets the slots of the other.
  void SwapOwners() {
    protocol::Topology topology = *services_->topology;
    topology.version = 1000;
    for (std::uint16_t& owner : topology.owner_of_slot) owner = owner == 0 ? 1 : 0;
    dispatcher_->UpdateTopology(topology);
    pubsub_->UpdateTopology(topology);
  }
  std::size_t Asked(const FakeShard& shard, const std::string& what) {
    return static_cast<std::size_t>(std::count(shard.Seen().begin(), shard.Seen().end(), what));
  }
};

TEST_F(SubscribeTest, ManyClientsShareOneUpstreamSubscription) {
  Begin();
  auto one = Connect(), two = Connect();
  one->Send("SUBSCRIBE a\r\n");
  ASSERT_TRUE(Received(*one, kSubscribedA));
  two->Send("HELLO 3\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return two->received.ends_with("*0\r\n"); }));
  two->received.clear();
  two->Send("SUBSCRIBE a\r\n");
  ASSERT_TRUE(Received(*two, ">" + kSubscribedA.substr(1)));
  EXPECT_EQ(Asked(x_, "subscribe a") + Asked(y_, "subscribe a"), 1u);
  x_.Push(">3\r\n" + kMessageA);
  EXPECT_TRUE(Received(*one, "*3\r\n" + kMessageA));
  EXPECT_TRUE(Received(*two, ">3\r\n" + kMessageA));
  one->Close();
  two->Send("UNSUBSCRIBE\r\n");
  ASSERT_TRUE(Received(*two, ">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n"));
  EXPECT_EQ(Asked(x_, "unsubscribe a"), 1u);
}

TEST_F(SubscribeTest, TheClientIsToldOnlyWhenTheShardHasConfirmed) {
  Begin();
  // Greetings go unanswered once the subscription has been asked for: so does its fence.
  bool is_mute = false;
  auto script = [&](const Words& words) {
    is_mute = is_mute || words[0] == "subscribe";
    return std::string(FakeShard::kSilence);
  };
  x_.Answer(script);
  y_.Answer(script);
  x_.AnswerGreetings([&](const Words&) {
    return is_mute ? std::string(FakeShard::kSilence) : std::string(FakeShard::kOk);
  });
  auto client = Connect();
  client->Send("SUBSCRIBE a\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return is_mute; }));
  runtime::Timer wait(loop_);
  bool is_over = false;
  wait.Start(50, 0, [&] { is_over = true; });
  RunUntil(loop_, [&] { return is_over; });
  EXPECT_EQ(client->received, "");
  x_.Push("+OK\r\n");  // the fence's answer; other connections await nothing and are closed
  EXPECT_TRUE(Received(*client, kSubscribedA));
}

TEST_F(SubscribeTest, AnotherNodeTakesOverFromALostOne) {
  Begin();
  auto client = Connect();
  client->Send("SUBSCRIBE a\r\n");
  ASSERT_TRUE(Received(*client, kSubscribedA));
  ASSERT_EQ(Asked(x_, "subscribe a"), 1u);
  x_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return Asked(y_, "subscribe a") == 1; }));
  y_.Push(">3\r\n" + kMessageA);
  EXPECT_TRUE(Received(*client, "*3\r\n" + kMessageA));
}

TEST_F(SubscribeTest, ALostConnectionIsNoLostNode) {
  Begin();
  auto client = Connect();
  client->Send("SUBSCRIBE a\r\n");
  ASSERT_TRUE(Received(*client, kSubscribedA));
  ASSERT_EQ(Asked(x_, "subscribe a"), 1u);
  x_.HangUp();
  ASSERT_TRUE(RunUntil(loop_, [&] { return Asked(x_, "subscribe a") == 2; }));
  EXPECT_EQ(Asked(y_, "subscribe a"), 0u);
}

// After a planned failover both bring a shard channel's messages for a while.
TEST_F(SubscribeTest, AShardChannelIsHeardFromItsOwnerOnly) {
  const std::string message = "$8\r\nsmessage\r\n$1\r\na\r\n$2\r\nhi\r\n";
  const std::string other = "$8\r\nsmessage\r\n$1\r\na\r\n$3\r\nbye\r\n";
  Begin();
  auto client = Connect();
  client->Send("SSUBSCRIBE a\r\n");
  ASSERT_TRUE(Received(*client, "*3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n"));
  ASSERT_EQ(Asked(y_, "ssubscribe a"), 1u);
  loop_.Post([&] {
    // Before y_ has read that it is left.
    SwapOwners();
    y_.Push(">3\r\n" + message);
  });
  ASSERT_TRUE(RunUntil(loop_, [&] { return Asked(x_, "ssubscribe a") == 1; }));
  x_.Push(">3\r\n" + other);
  EXPECT_TRUE(Received(*client, "*3\r\n" + other));
  EXPECT_EQ(Asked(y_, "sunsubscribe a"), 1u);
}

TEST_F(SubscribeTest, PublishersKeepToTheirNode) {
  Begin();
  ExpectReply("PUBLISH a 1\r\n", "+OK\r\n");
  EXPECT_EQ(Asked(x_, "PUBLISH a 1"), 1u);
  loop_.Post([&] { SwapOwners(); });
  // x_ is no longer the first master, and is there.
  ExpectReply("PUBLISH a 2\r\n", "+OK\r\n");
  EXPECT_EQ(Asked(x_, "PUBLISH a 2"), 1u);
  // So it is where the first subscriber's messages come from.
  auto client = Connect();
  client->Send("SUBSCRIBE a\r\n");
  ASSERT_TRUE(Received(*client, kSubscribedA));
  EXPECT_EQ(Asked(x_, "subscribe a"), 1u);
  // A lost connection moves the subscriptions at once, and publishers wait for their node.
  x_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return Asked(y_, "subscribe a") == 1; }));
  auto publisher = Connect();
  publisher->Send("PUBLISH a 3\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->HeldRequests() == 1; }));
  x_.Reopen();
  EXPECT_TRUE(Received(*publisher, "+OK\r\n"));
  EXPECT_EQ(Asked(x_, "PUBLISH a 3"), 1u);
}

TEST_F(SubscribeTest, EventsAreSubscribedAtEveryMaster) {
  Begin();
  auto client = Connect();
  client->Send("PSUBSCRIBE *\r\n");
  ASSERT_TRUE(Received(*client, "*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n"));
  EXPECT_EQ(Asked(x_, "psubscribe *"), 1u);
  EXPECT_EQ(Asked(y_, "psubscribe *"), 1u);
  const std::string message = "4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$4\r\nnews\r\n$1\r\n1\r\n";
  const std::string event =
      "4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$16\r\n__keyspace@0__:k\r\n$3\r\nset\r\n";
  // The ordinary message comes from every node, and counts from one.
  y_.Push(">" + message);
  x_.Push(">" + message);
  ASSERT_TRUE(Received(*client, "*" + message));
  y_.Push(">" + event);
  EXPECT_TRUE(Received(*client, "*" + event));
}

TEST_F(SubscribeTest, ASubscribedResp2ClientMayDoLittle) {
  Begin();
  auto client = Connect();
  client->Send("SUBSCRIBE a\r\nGET a\r\nEXEC\r\nPING\r\nRESET\r\nPING\r\n");
  EXPECT_TRUE(Received(
      *client, kSubscribedA +
                   "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT "
                   "/ RESET are allowed in this context\r\n"
                   "-EXECABORT Transaction discarded because of: Can't execute 'exec': only "
                   "(P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
                   "context\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n+RESET\r\n"
                   "+PONG\r\n"));
}

TEST_F(SubscribeTest, AnExecThatIsNotAllowedSaysWhatItWouldHaveEnded) {
  Begin();
  auto client = Connect();
  client->Send("SUBSCRIBE a\r\nEXEC\r\n");
  EXPECT_TRUE(Received(
      *client, kSubscribedA +
                   "-EXECABORT Transaction discarded because of: Can't execute 'exec': only "
                   "(P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
                   "context\r\n"));
}

TEST_F(SubscribeTest, WhoDoesNotTakeItsMessagesIsCut) {
  settings_.limits.pubsub_output_max_bytes = 64 * 1024;
  settings_.limits.pubsub_output_soft_bytes = 32 * 1024;
  Begin();
  auto client = Connect();
  client->Send("SUBSCRIBE a\r\n");
  ASSERT_TRUE(Received(*client, kSubscribedA));
  client->StopReading();
  const std::string large(1 << 20, 'x');
  const std::string push =
      ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$" + std::to_string(large.size()) + "\r\n" + large + "\r\n";
  ASSERT_TRUE(RunUntil(loop_, [&] {
    x_.Push(push);
    return pubsub_->Counters().cut.Get() == 1;
  }));
  EXPECT_EQ(counters_.cut.Get(), 1u);
}

}  // namespace
}  // namespace slotway::proxy
