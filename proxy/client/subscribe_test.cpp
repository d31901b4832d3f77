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

// RESET is answered at once; a shard may still count the client for a moment.
TEST_F(SubscribeTest, ShardsAreAskedWhoListensWhenTheyHaveLetGoOfWhoDoesNot) {
  Begin();
  auto client = Connect();
  client->Send("SUBSCRIBE a\r\n");
  ASSERT_TRUE(Received(*client, kSubscribedA));
  bool is_mute = false;
  auto script = [&](const Words& words) {
    is_mute = is_mute || words[0] == "unsubscribe";
    return words[0] == "PUBSUB" ? std::string("*0\r\n") : std::string(FakeShard::kSilence);
  };
  auto greeting = [&](const Words& words) {
    return is_mute && words.size() == 1 ? std::string(FakeShard::kSilence)
                                        : std::string(FakeShard::kOk);
  };
  for (FakeShard* shard : {&x_, &y_}) {
    shard->Answer(script);
    shard->AnswerGreetings(greeting);
  }
  client->Send("RESET\r\nPUBSUB CHANNELS\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return is_mute && client->received == "+RESET\r\n"; }));
  runtime::Timer wait(loop_);
  bool is_over = false;
  wait.Start(50, 0, [&] { is_over = true; });
  RunUntil(loop_, [&] { return is_over; });
  EXPECT_EQ(Asked(x_, "PUBSUB CHANNELS") + Asked(y_, "PUBSUB CHANNELS"), 0u);
  x_.Push("+OK\r\n");  // the fence's answer
  ASSERT_TRUE(Received(*client, "+RESET\r\n*0\r\n"));
  EXPECT_EQ(Asked(x_, "PUBSUB CHANNELS") + Asked(y_, "PUBSUB CHANNELS"), 2u);
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

// Every look at it takes a millisecond.
class SteppingClock final : public runtime::Clock {
 public:
  std::uint64_t NowMonotonicUs() const override { return us_ += 1000; }
  std::int64_t NowUnixUs() const override { return 0; }

 private:
  mutable std::uint64_t us_ = 0;
};

struct WithSteppingClock {
  SteppingClock clock_;
};

class CrowdedSubscribeTest : private WithSteppingClock, public SessionFixture {
 protected:
  static constexpr std::size_t kCrowd = 20;

  CrowdedSubscribeTest() : SessionFixture(clock_) {
    for (FakeShard* shard : {&x_, &y_}) {
      shard->Answer([](const Words& words) {
        return words[0].ends_with("subscribe") ? std::string(FakeShard::kSilence)
                                               : std::string(FakeShard::kOk);
      });
    }
  }
  std::vector<std::unique_ptr<TestClient>> Subscribed() {
    std::vector<std::unique_ptr<TestClient>> crowd;
    for (std::size_t i = 0; i < kCrowd; ++i) {
      crowd.push_back(Connect());
      crowd.back()->Send("SUBSCRIBE a\r\n");
      EXPECT_TRUE(Received(*crowd.back(), kSubscribedA));
    }
    return crowd;
  }
  // The most that is delivered in one iteration of the loop, until `all` are.
  std::uint64_t MostDeliveredInATurn(std::uint64_t all) {
    std::uint64_t before = 0, most = 0;
    std::function<void()> look = [&] {
      std::uint64_t delivered = pubsub_->Counters().delivered.Get();
      most = std::max(most, delivered - before);
      before = delivered;
      if (delivered == all) return loop_.Stop();
      loop_.DeferToNextTurn([&] { look(); });
    };
    loop_.Post([&] { look(); });
    loop_.Run();
    return most;
  }
};

// Ten thousand messages for a thousand clients are a lot of work: others have their turn meanwhile.
TEST_F(CrowdedSubscribeTest, ManyMessagesAreDeliveredInSeveralIterations) {
  Begin();
  auto crowd = Subscribed();
  constexpr std::size_t kMessages = 200;
  std::string pushes, expected;
  for (std::size_t i = 0; i < kMessages; ++i) {
    pushes += ">3\r\n" + kMessageA;
    expected += "*3\r\n" + kMessageA;
  }
  x_.Push(pushes);
  y_.Push(pushes);
  std::uint64_t most = MostDeliveredInATurn(kMessages * kCrowd);
  EXPECT_GT(most, 0u);
  EXPECT_LE(most, 4 * 256u);
  for (auto& client : crowd) EXPECT_TRUE(Received(*client, expected));
}

TEST_F(CrowdedSubscribeTest, ALargeMessageReachesEverybodyInItsVersion) {
  Begin();
  auto crowd = Subscribed();
  auto modern = Connect();
  modern->Send("HELLO 3\r\nSUBSCRIBE a\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return modern->received.ends_with(":1\r\n"); }));
  modern->received.clear();
  const std::string words =
      "3\r\n$7\r\nmessage\r\n$1\r\na\r\n$100000\r\n" + std::string(100'000, 'x') + "\r\n";
  x_.Push(">" + words + ">3\r\n" + kMessageA);
  y_.Push(">" + words + ">3\r\n" + kMessageA);
  for (auto& client : crowd) {
    EXPECT_TRUE(Received(*client, "*" + words + "*3\r\n" + kMessageA));
  }
  EXPECT_TRUE(Received(*modern, ">" + words + ">3\r\n" + kMessageA));
}

}  // namespace
}  // namespace slotway::proxy
