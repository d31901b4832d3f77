// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/routing/dispatcher_fixture.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Words = DispatcherFixture::Words;

class DispatcherTest : public DispatcherFixture {};

TEST_F(DispatcherTest, RequestsGoToTheOwnersOfTheirSlots) {
  Begin();
  Send(client_, {"SET", "a", "1"}, 1);
  Send(client_, {"SET", "b", "2"}, 16383);
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(x_.Seen(), ElementsAre("SET a 1"));
  EXPECT_THAT(y_.Seen(), ElementsAre("SET b 2"));
  EXPECT_EQ(client_.Output(), "+OK\r\n+OK\r\n");
}

TEST_F(DispatcherTest, MovedIsFollowedInOrderAndRemembered) {
  Begin();
  x_.Answer([&](const Words&) { return "-MOVED 1 " + y_.Address() + "\r\n"; });
  Send(client_, {"SET", "a", "1"});
  Send(client_, {"SET", "a", "2"});
  Send(client_, {"SET", "a", "3"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(y_.Seen(), ElementsAre("SET a 1", "SET a 2", "SET a 3"));
  EXPECT_FALSE(client_.queue.HasHeldBack());
  EXPECT_GT(refreshes_, 0);
  Send(client_, {"SET", "a", "4"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(x_.Seen().size(), 3u);
}

// A redirect may be wrong, or too early; the next round's topology decides, though it is the same.
TEST_F(DispatcherTest, TheSameTopologyAgainUndoesACorrection) {
  Begin();
  x_.Answer([&](const Words&) { return "-MOVED 1 " + y_.Address() + "\r\n"; });
  Send(client_, {"SET", "a", "1"});
  ASSERT_TRUE(AllAnswered(client_));
  x_.Answer([](const Words&) { return "+X\r\n"; });
  dispatcher_->UpdateTopology(topology_);
  Send(client_, {"SET", "a", "2"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "+OK\r\n+X\r\n");
}

class FailedNodeTest : public DispatcherFixture {
 protected:
  // X has got a write and says nothing; the cluster holds it for failed.
  void FailX() {
    Begin();
    x_.StopReading();
    Send(client_, {"SET", "a", "1"});
    RunFor(20);
    topology_.nodes[0].is_failing = true;
    Publish();
  }
  void RunFor(std::uint64_t ms) {
    const std::uint64_t end_ms = runtime::MonotonicMs() + ms;
    RunUntil(loop_, [end_ms] { return runtime::MonotonicMs() >= end_ms; });
  }
};

TEST_F(FailedNodeTest, WhatItHasGotStaysThereUntilSomebodyTakesOver) {
  FailX();
  Send(client_, {"SET", "a", "2"});
  Send(other_, {"GET", "a"}, 1, true);
  RunFor(50);
  EXPECT_EQ(dispatcher_->HeldRequests(), 2u) << "it is sent nothing more";
  x_.ReadOn();
  ASSERT_TRUE(AllAnswered(client_) && AllAnswered(other_));
  EXPECT_EQ(client_.Output(), "+OK\r\n+OK\r\n");
  EXPECT_THAT(x_.Seen(), UnorderedElementsAre("SET a 1", "SET a 2", "GET a"));
  EXPECT_EQ(x_.Seen().front(), "SET a 1");
}

TEST_F(FailedNodeTest, WhoTakesOverGetsWhatIsHeldAndTheRestIsLost) {
  FailX();
  Send(client_, {"SET", "a", "2"});
  Send(other_, {"GET", "a"}, 1, true);
  Publish(0);
  ASSERT_TRUE(AllAnswered(client_) && AllAnswered(other_));
  EXPECT_THAT(client_.Output(), HasSubstr("-OUTCOMEUNKNOWN"));
  EXPECT_THAT(client_.Output(), EndsWith("\r\n+OK\r\n"));
  EXPECT_THAT(y_.Seen(), UnorderedElementsAre("SET a 2", "GET a"));
}

TEST_F(FailedNodeTest, AConnectionThatOwesNothingEndsAndANewOneIsTrusted) {
  Begin();
  topology_.nodes[0].is_failing = true;
  Publish();
  Send(client_, {"SET", "a", "1"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "+OK\r\n");
  EXPECT_EQ(x_.Greetings(), 2u);
}

// A script can return any error: it must not send the proxy to a stranger.
TEST_F(DispatcherTest, RedirectsToStrangersAreNotFollowed) {
  settings_.hold.time_max_ms = 50;
  FakeShard stranger(loop_);
  Begin();
  for (std::string kind : {"-MOVED", "-ASK"}) {
    SCOPED_TRACE(kind);
    x_.Answer([&](const Words&) { return kind + " 1 " + stranger.Address() + "\r\n"; });
    Send(client_, {"EVAL", "..."});
    ASSERT_TRUE(AllAnswered(client_));
    EXPECT_THAT(client_.Output(), HasSubstr("-CLUSTERDOWN"));
    EXPECT_EQ(stranger.Greetings(), 0u);
  }
}

TEST_F(DispatcherTest, RedirectsByHostNameAreFollowed) {
  Make();
  topology_.nodes.resize(2);
  topology_.nodes[1].hostname = "shard-y.example";
  Publish();
  ASSERT_TRUE(RunUntil(loop_, [&] { return Unready() == 0; }));
  x_.Answer([&](const Words&) {
    return "-MOVED 1 shard-y.example:" + std::to_string(y_.Port()) + "\r\n";
  });
  Send(client_, {"GET", "a"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(y_.Seen(), ElementsAre("GET a"));
}

TEST_F(DispatcherTest, ANodeThatLeavesAnswersWhatItWasSent) {
  Begin();
  y_.StopReading();
  Send(client_, {"INCR", "b"}, 16383);
  ++topology_.version;
  topology_.nodes.resize(1);
  topology_.owner_of_slot.fill(0);
  dispatcher_->UpdateTopology(topology_);
  Send(other_, {"SET", "b", "2"}, 16383);
  ASSERT_TRUE(AllAnswered(other_));
  EXPECT_THAT(x_.Seen(), ElementsAre("SET b 2"));
  EXPECT_EQ(client_.Output(), "");
  y_.ReadOn();
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "+OK\r\n");
  EXPECT_THAT(y_.Seen(), ElementsAre("INCR b"));
  EXPECT_TRUE(RunUntil(loop_, [&] { return y_.Connections() == 0; }));
}

TEST_F(DispatcherTest, ANodeThatLeftAndComesBackKeepsItsConnection) {
  Begin();
  y_.StopReading();
  Send(client_, {"INCR", "b"}, 16383);
  protocol::Topology without = topology_;
  without.version += 1;
  without.nodes.resize(1);
  without.owner_of_slot.fill(0);
  dispatcher_->UpdateTopology(without);
  topology_.version += 1;
  Publish();
  y_.ReadOn();
  ASSERT_TRUE(AllAnswered(client_));
  Send(client_, {"SET", "b", "2"}, 16383);
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "+OK\r\n+OK\r\n");
  EXPECT_EQ(dispatcher_->Counters().backend_connects.Get(), 2u);
}

// The router sends what it cannot understand to slot 0; the shard knows better.
TEST_F(DispatcherTest, ARedirectTellsTheSlotOfARequest) {
  Begin();
  x_.Answer([&](const Words&) { return "-MOVED 16000 " + y_.Address() + "\r\n"; });
  Send(client_, {"UNKNOWN", "key"}, 0);
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(y_.Seen(), ElementsAre("UNKNOWN key"));
}

TEST_F(DispatcherTest, AskIsAskedAndTheMapStays) {
  Begin();
  x_.Answer([&](const Words&) { return "-ASK 1 " + y_.Address() + "\r\n"; });
  Send(client_, {"SET", "a", "1"});
  Send(client_, {"SET", "a", "2"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(y_.Seen(), ElementsAre("ASKING", "SET a 1", "ASKING", "SET a 2"));
  EXPECT_EQ(client_.Output(), "+OK\r\n+OK\r\n");
  Send(client_, {"SET", "a", "3"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(x_.Seen().size(), 3u);
}

// However long that takes: only redirects that are followed are counted.
TEST_F(DispatcherTest, AskWaitsForTheConnectionOfANewNode) {
  settings_.retry.redirects_max = 1;
  Begin();
  y_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return Unready() == 1; }));
  int asked = 0;
  x_.Answer([&](const Words&) {
    if (++asked == 5) y_.Reopen();
    return "-ASK 1 " + y_.Address() + "\r\n";
  });
  Send(client_, {"SET", "a", "1"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "+OK\r\n");
  EXPECT_GE(asked, 5);
}

// The first is told to try again, the second to ask elsewhere: the second must wait all the same.
TEST_F(DispatcherTest, ARedirectedRequestWaitsBehindAHeldOne) {
  Begin();
  int calls = 0;
  x_.Answer([&](const Words&) -> std::string {
    if (++calls == 1) return "-TRYAGAIN later\r\n";
    return "-ASK 1 " + y_.Address() + "\r\n";
  });
  Send(client_, {"MSET", "{a}1", "1"});
  Send(client_, {"SET", "{a}1", "2"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(y_.Seen(), ElementsAre("ASKING", "MSET {a}1 1", "ASKING", "SET {a}1 2"));
}

TEST_F(DispatcherTest, ErrorsThatMeanLaterAreRetried) {
  for (std::string error :
       {"TRYAGAIN x", "LOADING x", "CLUSTERDOWN x", "READONLY x", "MASTERDOWN x"}) {
    SCOPED_TRACE(error);
    FakeClient client(loop_);
    if (!dispatcher_) Begin();
    int calls = 0;
    x_.Answer([&](const Words&) { return ++calls < 4 ? "-" + error + "\r\n" : "+DONE\r\n"; });
    Send(client, {"SET", "a", "1"});
    EXPECT_TRUE(client.queue.Outstanding() == 1);
    ASSERT_TRUE(AllAnswered(client));
    EXPECT_EQ(client.Output(), "+DONE\r\n");
    EXPECT_EQ(calls, 4);
  }
}

TEST_F(DispatcherTest, RetriesDoNotUseUpRedirects) {
  settings_.retry.redirects_max = 1;
  Begin();
  int calls = 0;
  x_.Answer([&](const Words&) -> std::string {
    if (++calls <= 5) return "-LOADING x\r\n";
    return "-MOVED 1 " + y_.Address() + "\r\n";
  });
  Send(client_, {"SET", "a", "1"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "+OK\r\n");
}

TEST_F(DispatcherTest, RedirectsInACircleEnd) {
  Begin();
  x_.Answer([&](const Words&) { return "-MOVED 1 " + y_.Address() + "\r\n"; });
  y_.Answer([&](const Words&) { return "-MOVED 1 " + x_.Address() + "\r\n"; });
  Send(client_, {"SET", "a", "1"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "-CLUSTERDOWN Too many redirections for this slot\r\n");
  EXPECT_EQ(x_.Seen().size() + y_.Seen().size(), settings_.retry.redirects_max + 1u);
}

TEST_F(DispatcherTest, AHeldRequestExpiresWithTheLastError) {
  settings_.hold.time_max_ms = 60;
  Begin();
  x_.Answer([](const Words&) { return "-LOADING still\r\n"; });
  std::uint64_t began_ms = loop_.NowMs();
  Send(client_, {"SET", "a", "1"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "-LOADING still\r\n");
  EXPECT_GE(loop_.NowMs() - began_ms, 60u);
  EXPECT_FALSE(client_.queue.HasHeldBack());
}

TEST_F(DispatcherTest, HoldingHasBounds) {
  settings_.hold.requests_max = 2;
  Make();
  for (int i = 0; i < 3; ++i) Send(client_, {"SET", "a", "1"});
  EXPECT_EQ(dispatcher_->HeldRequests(), 2u);
  EXPECT_EQ(dispatcher_->Counters().hold_refused.Get(), 1u);
  Publish();
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(client_.Output(), HasSubstr("+OK\r\n+OK\r\n-CLUSTERDOWN"));
}

TEST_F(DispatcherTest, WithoutHoldingErrorsComeAtOnce) {
  settings_.hold.time_max_ms = 0;
  Make();
  Send(client_, {"SET", "a", "1"});
  EXPECT_EQ(client_.Output(), "-CLUSTERDOWN Hash slot not served\r\n");
}

TEST_F(DispatcherTest, RequestsBeforeTheTopologyIsKnownAreHeldInOrder) {
  Make();
  Send(client_, {"SET", "a", "1"});
  Send(client_, {"SET", "a", "2"});
  EXPECT_EQ(dispatcher_->HeldRequests(), 2u);
  Publish();
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(x_.Seen(), ElementsAre("SET a 1", "SET a 2"));
}

TEST_F(DispatcherTest, ASentWriteIsNeverSentTwice) {
  Begin();
  x_.Answer([](const Words&) { return std::string(FakeShard::kHangUp); });
  Send(client_, {"INCR", "a"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(client_.Output(), HasSubstr("-OUTCOMEUNKNOWN "));
  EXPECT_THAT(x_.Seen(), ElementsAre("INCR a"));
  EXPECT_EQ(dispatcher_->Counters().lost.Get(), 1u);
}

TEST_F(DispatcherTest, ASentReadIsSentAgain) {
  Begin();
  int calls = 0;
  x_.Answer(
      [&](const Words&) { return ++calls == 1 ? std::string(FakeShard::kHangUp) : "$1\r\nv\r\n"; });
  Send(client_, {"GET", "a"}, 1, true);
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "$1\r\nv\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre("GET a", "GET a"));
}

// The write behind the read may have run: the read, sent again, would see it.
TEST_F(DispatcherTest, AReadIsNotSentAgainBehindItsClientsLaterWrite) {
  Begin();
  x_.Answer([](const Words& words) {
    return std::string(words[0] == "LAST" ? FakeShard::kHangUp : FakeShard::kSilence);
  });
  Send(client_, {"GET", "a"}, 1, true);
  Send(client_, {"SET", "a", "1"}, 1);
  Send(other_, {"LAST"}, 1, true);
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(x_.Seen(), testing::Contains("GET a").Times(1));
  EXPECT_THAT(x_.Seen(), testing::Contains("SET a 1").Times(1));
  x_.Answer(nullptr);
  ASSERT_TRUE(AllAnswered(other_));
}

TEST_F(DispatcherTest, UnsentRequestsSurviveALostConnection) {
  Begin();
  x_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return Unready() == 1; }));
  Send(client_, {"INCR", "a"});
  Send(client_, {"INCR", "a"});
  EXPECT_EQ(client_.queue.Outstanding(), 2u);
  EXPECT_TRUE(client_.queue.HasHeldBack());
  x_.Reopen();
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(x_.Seen(), ElementsAre("INCR a", "INCR a"));
  EXPECT_EQ(client_.Output(), "+OK\r\n+OK\r\n");
}

TEST_F(DispatcherTest, HeldRequestsGoToTheNewOwnerAfterAFailover) {
  Begin();
  x_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return Unready() == 1; }));
  Send(client_, {"INCR", "a"});
  Publish(0);
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(y_.Seen(), ElementsAre("INCR a"));
}

TEST_F(DispatcherTest, AShardThatNeverAnswersIsGivenUp) {
  settings_.backend.response_timeout_ms = 300;
  Begin();
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  Send(client_, {"INCR", "a"});
  Send(other_, {"INCR", "b"}, 16000);
  ASSERT_TRUE(AllAnswered(other_));
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(client_.Output(), HasSubstr("-OUTCOMEUNKNOWN "));
  EXPECT_EQ(other_.Output(), "+OK\r\n");
}

// Stopped or cut off, it may have been replaced long before it is given up.
TEST_F(DispatcherTest, ASilentShardMakesTheTopologyWanted) {
  settings_.backend.ping_interval_ms = 20;
  Begin();
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  Send(client_, {"SET", "a", "1"});
  refreshes_ = 0;
  EXPECT_TRUE(RunUntil(loop_, [&] { return refreshes_ > 0; }));
  EXPECT_EQ(client_.queue.Outstanding(), 1u);
}

TEST_F(DispatcherTest, IdleConnectionsAreProbed) {
  settings_.backend.ping_interval_ms = 1;
  settings_.backend.response_timeout_ms = 300;
  Begin();
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Pings() > 1 && y_.Pings() > 1; }));
  EXPECT_EQ(dispatcher_->Counters().backend_failures.Get(), 0u);
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->Counters().backend_failures.Get() > 0; }));
}

// While the old owner still has to answer, the client's next requests would overtake at the new.
TEST_F(DispatcherTest, AMovedSlotFencesItsClients) {
  Begin();
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  Send(client_, {"SET", "a", "1"}, 1);
  Send(other_, {"SET", "b", "1"}, 2);
  Publish(2);
  EXPECT_FALSE(client_.queue.HasHeldBack());
  EXPECT_TRUE(other_.queue.HasHeldBack());
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 2; }));
  x_.Push("+OK\r\n+OK\r\n");
  ASSERT_TRUE(AllAnswered(other_));
  EXPECT_FALSE(other_.queue.HasHeldBack());
}

TEST_F(DispatcherTest, AShardThatBreaksTheProtocolLosesItsConnection) {
  Begin();
  x_.Answer([](const Words&) { return "what is this\r\n"; });
  Send(client_, {"INCR", "a"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(client_.Output(), HasSubstr("-OUTCOMEUNKNOWN "));
  ASSERT_TRUE(RunUntil(loop_, [&] { return Unready() == 0; }));
  x_.Push("+nobody asked\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->Counters().backend_failures.Get() == 2; }));
}

// Refused with an error before all of the request was read, as for a bulk that is too long.
TEST_F(DispatcherTest, AnAnswerMayComeBeforeTheRequestIsWritten) {
  Begin();
  runtime::Timer early(loop_);
  early.Start(1, 0, [&] { x_.Push("-ERR Protocol error: too much\r\n"); });
  Send(client_, {"SET", "a", std::string(64 << 20, 'x')});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "-ERR Protocol error: too much\r\n");
}

TEST_F(DispatcherTest, LargeRepliesArePassedOnWhileTheyCome) {
  Begin();
  std::string body(1 << 20, 'b');
  std::string head = "$" + std::to_string(body.size()) + "\r\n";
  x_.Answer([&](const Words&) { return head + body.substr(0, 200000); });
  Send(client_, {"GET", "a"}, 1, true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return client_.Output().size() > 100000; }));
  EXPECT_EQ(client_.queue.Outstanding(), 1u);
  x_.Push(body.substr(200000) + "\r\n");
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_TRUE(client_.Output() == head + body + "\r\n");
}

TEST_F(DispatcherTest, ALargeReplyThatBreaksOffCutsItsClientOnly) {
  Begin();
  x_.Answer([&](const Words&) { return "$1000000\r\n" + std::string(200000, 'b'); });
  Send(client_, {"GET", "a"}, 1, true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return client_.Output().size() > 100000; }));
  x_.Answer(nullptr);
  x_.HangUp();
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(client_.unusable, HasSubstr("middle of a reply"));
  Send(other_, {"GET", "a"}, 1, true);
  ASSERT_TRUE(AllAnswered(other_));
  EXPECT_EQ(other_.Output(), "+OK\r\n");
}

TEST_F(DispatcherTest, ARefusedGreetingIsNoConnection) {
  for (std::string error :
       {"-NOAUTH Authentication required.\r\n", "-ERR max number of clients reached\r\n"}) {
    x_.AnswerGreetings([&](const Words&) { return error; });
    Make();
    Publish();
    ASSERT_TRUE(
        RunUntil(loop_, [&] { return dispatcher_->Counters().backend_failures.Get() > 0; }));
    EXPECT_EQ(dispatcher_->Counters().backend_connects.Get(), 1u);  // y_
    dispatcher_->Shutdown();
  }
}

TEST_F(DispatcherTest, ShutdownAnswersEverything) {
  Begin();
  x_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  Send(client_, {"SET", "a", "1"}, 1);
  ASSERT_TRUE(RunUntil(loop_, [&] { return x_.Seen().size() == 1; }));
  y_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return Unready() == 1; }));
  Send(other_, {"SET", "b", "1"}, 16000);
  dispatcher_->Shutdown();
  EXPECT_THAT(client_.Output(), HasSubstr("-OUTCOMEUNKNOWN "));
  EXPECT_EQ(other_.Output(), "-ERR The proxy is shutting down\r\n");
  Send(other_, {"SET", "b", "1"}, 16000);
  EXPECT_EQ(other_.queue.Outstanding(), 0u);
}

}  // namespace
}  // namespace slotway::proxy
