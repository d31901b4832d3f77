// SPDX-License-Identifier: Apache-2.0
// Every way in which a shard can take a request back while its client's next ones are on their way
// to the same slot: the order in which they run, and what their client is told.
#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/routing/dispatcher_fixture.h"
#include "runtime/sha1.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Words = DispatcherFixture::Words;

constexpr const char* kNoScript = "-NOSCRIPT No matching script. Please use EVAL.\r\n";

// As a shard that begins to serve between two requests: the first `count` are refused.
FakeShard::Script Refusing(int count, std::string error, std::string reply = ":1\r\n") {
  return [=, calls = 0](const Words& words) mutable -> std::string {
    if (words[0] == "SCRIPT") return std::string(FakeShard::kOk);
    return ++calls <= count ? error : reply;
  };
}

class DispatcherOrderTest : public DispatcherFixture {
 protected:
  static constexpr std::array<const char*, 5> kLater = {"-LOADING x\r\n", "-CLUSTERDOWN x\r\n",
                                                        "-TRYAGAIN x\r\n", "-MASTERDOWN x\r\n",
                                                        "-READONLY x\r\n"};
  // How many requests x_ has seen before.
  std::size_t BeginRefusing(int count, const std::string& error) {
    if (!dispatcher_) Begin();
    x_.Answer(Refusing(count, error));
    return x_.Seen().size();
  }
  // Those that changed something or read, in the order in which `shard` ran them.
  static std::vector<std::string> Ran(const FakeShard& shard, std::size_t refused) {
    return {shard.Seen().begin() + static_cast<std::ptrdiff_t>(refused), shard.Seen().end()};
  }
};

TEST_F(DispatcherOrderTest, AWriteThatWasOvertakenIsNotSentAgain) {
  for (const char* error : kLater) {
    SCOPED_TRACE(error);
    FakeClient client(loop_);
    const std::size_t seen = BeginRefusing(1, error);
    Send(client, {"INCR", "a"});
    Send(client, {"APPEND", "a", "b"});
    ASSERT_TRUE(AllAnswered(client));
    EXPECT_EQ(client.Output(), std::string(error) + ":1\r\n");
    EXPECT_THAT(Ran(x_, seen), ElementsAre("INCR a", "APPEND a b"));
    EXPECT_FALSE(client.queue.HasHeldBack());
    EXPECT_EQ(dispatcher_->HeldRequests(), 0u);
  }
}

// The read's reply has not left yet, so it may be read once more, and sees the write.
TEST_F(DispatcherOrderTest, AReadThatOvertookIsReadAgain) {
  for (const char* error : kLater) {
    SCOPED_TRACE(error);
    FakeClient client(loop_);
    const std::size_t seen = BeginRefusing(1, error);
    Send(client, {"INCR", "a"});
    Send(client, {"GET", "a"}, 1, true);
    ASSERT_TRUE(AllAnswered(client));
    EXPECT_EQ(client.Output(), ":1\r\n:1\r\n");
    EXPECT_THAT(Ran(x_, seen), ElementsAre("INCR a", "GET a", "INCR a", "GET a"));
  }
}

TEST_F(DispatcherOrderTest, AReadDoesNotSeeTheWriteBehindIt) {
  Begin();
  x_.Answer(Refusing(1, kLater[0]));
  Send(client_, {"GET", "a"}, 1, true);
  Send(client_, {"INCR", "a"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), std::string(kLater[0]) + ":1\r\n");
}

TEST_F(DispatcherOrderTest, OtherClientsAndOtherSlotsAreNoConcern) {
  Begin();
  x_.Answer(Refusing(1, kLater[0]));
  Send(client_, {"INCR", "a"}, 1);
  Send(client_, {"INCR", "b"}, 2);
  Send(other_, {"INCR", "c"}, 1);
  Send(other_, {"INCR", "d"}, 3);
  ASSERT_TRUE(AllAnswered(client_));
  ASSERT_TRUE(AllAnswered(other_));
  EXPECT_EQ(client_.Output(), ":1\r\n:1\r\n");
  EXPECT_EQ(other_.Output(), ":1\r\n:1\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre("INCR a", "INCR b", "INCR c", "INCR d", "INCR a"));
}

// All are refused; when the first is tried again the shard is not ready yet, and is when the next
// one would come behind it.
TEST_F(DispatcherOrderTest, TheFirstOfThoseHeldGoesAlone) {
  for (const char* error : kLater) {
    SCOPED_TRACE(error);
    FakeClient client(loop_);
    const std::size_t seen = BeginRefusing(4, error);
    for (std::string key : {"a", "b", "c"}) Send(client, {"INCR", key});
    ASSERT_TRUE(AllAnswered(client));
    EXPECT_EQ(client.Output(), ":1\r\n:1\r\n:1\r\n");
    EXPECT_THAT(Ran(x_, seen),
                ElementsAre("INCR a", "INCR b", "INCR c", "INCR a", "INCR a", "INCR b", "INCR c"));
  }
}

// Not sent at all before: the shard was away, and is not ready when it is back.
TEST_F(DispatcherOrderTest, TheFirstGoesAloneToAShardThatIsBack) {
  Begin();
  x_.HangUp(true);
  ASSERT_TRUE(RunUntil(loop_, [&] { return Unready() == 1; }));
  for (std::string key : {"a", "b", "c"}) Send(client_, {"INCR", key});
  x_.Answer(Refusing(1, kLater[0]));
  x_.Reopen();
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), ":1\r\n:1\r\n:1\r\n");
  EXPECT_THAT(x_.Seen(), ElementsAre("INCR a", "INCR a", "INCR b", "INCR c"));
}

TEST_F(DispatcherOrderTest, ThoseBehindOneOfUnknownOutcomeFollow) {
  Begin();
  int calls = 0;
  x_.Answer([&](const Words&) -> std::string {
    if (++calls <= 2) return kLater[1];
    return calls == 3 ? std::string(FakeShard::kHangUp) : ":1\r\n";
  });
  Send(client_, {"INCR", "a"});
  Send(client_, {"INCR", "b"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(client_.Output(), HasSubstr("-OUTCOMEUNKNOWN "));
  EXPECT_THAT(client_.Output(), HasSubstr("\r\n:1\r\n"));
  EXPECT_THAT(x_.Seen(), ElementsAre("INCR a", "INCR b", "INCR a", "INCR b"));
}

// The second may have run: the first must not come behind it.
TEST_F(DispatcherOrderTest, AWriteIsNotSentAgainBehindOneOfUnknownOutcome) {
  Begin();
  x_.Answer(Refusing(1, kLater[1], std::string(FakeShard::kSilence)));
  Send(client_, {"INCR", "a"});
  Send(client_, {"INCR", "a"});
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->HeldRequests() == 1; }));
  x_.HangUp();
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(client_.Output(), HasSubstr(std::string(kLater[1]) + "-OUTCOMEUNKNOWN "));
  EXPECT_EQ(x_.Seen().size(), 2u);
}

TEST_F(DispatcherOrderTest, AMovedOneWaitsForTheNewOwnersAnswerToWhatIsHeld) {
  Begin();
  int calls = 0;
  x_.Answer([&](const Words&) -> std::string {
    return ++calls == 1 ? std::string(kLater[1]) : "-MOVED 1 " + y_.Address() + "\r\n";
  });
  y_.Answer(Refusing(1, kLater[0]));
  for (std::string key : {"a", "b", "c"}) Send(client_, {"INCR", key});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), ":1\r\n:1\r\n:1\r\n");
  EXPECT_THAT(y_.Seen(), ElementsAre("INCR a", "INCR a", "INCR b", "INCR c"));
}

// Both were told to ask the other, who refuses the first only.
TEST_F(DispatcherOrderTest, WhatWasRedirectedTogetherKeepsItsOrder) {
  Begin();
  for (std::string kind : {"-MOVED 1 ", "-ASK 1 "}) {
    SCOPED_TRACE(kind);
    FakeClient client(loop_);
    x_.Answer([&](const Words&) { return kind + y_.Address() + "\r\n"; });
    y_.Answer([calls = 0](const Words& words) mutable -> std::string {
      if (words[0] == "ASKING") return std::string(FakeShard::kOk);
      return ++calls == 1 ? kLater[2] : ":1\r\n";
    });
    dispatcher_->UpdateTopology(topology_);
    Send(client, {"INCR", "a"});
    Send(client, {"INCR", "a"});
    ASSERT_TRUE(AllAnswered(client));
    EXPECT_EQ(client.Output(), std::string(kLater[2]) + ":1\r\n");
  }
}

// Loaded on this connection before, and forgotten by the shard since.
TEST_F(DispatcherOrderTest, AnOvertakenScriptIsNotLoadedAndRunBehind) {
  Begin();
  dispatcher_->Scripts().Remember("text");
  const std::string digest = runtime::Sha1Hex("text");
  SendByDigest(other_, {"EVALSHA", digest, "1", "x"}, 5);
  ASSERT_TRUE(AllAnswered(other_));
  std::size_t seen = x_.Seen().size();
  x_.Answer([](const Words& words) { return words[0] == "EVALSHA" ? kNoScript : ":1\r\n"; });
  SendByDigest(client_, {"EVALSHA", digest, "1", "a"});
  Send(client_, {"INCR", "a"});
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), std::string(kNoScript) + ":1\r\n");
  EXPECT_THAT(Ran(x_, seen), ElementsAre("EVALSHA " + digest + " 1 a", "INCR a"));
}

// The load was refused and the call behind it was not: what its client sends next would run first.
TEST_F(DispatcherOrderTest, AClientWaitsForAScriptThatIsBeingLoaded) {
  Begin();
  dispatcher_->Scripts().Remember("text");
  SendByDigest(client_, {"EVALSHA", runtime::Sha1Hex("text"), "1", "a"});
  EXPECT_TRUE(client_.queue.HasHeldBack());
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_FALSE(client_.queue.HasHeldBack());
  SendByDigest(client_, {"EVALSHA", runtime::Sha1Hex("text"), "1", "a"});
  EXPECT_FALSE(client_.queue.HasHeldBack());
}

TEST_F(DispatcherOrderTest, AStepOfAnOperationWaitsBehindWhatIsHeld) {
  Begin();
  x_.Answer(Refusing(1, kLater[0]));
  Send(client_, {"INCR", "a"});
  ASSERT_TRUE(RunUntil(loop_, [&] { return dispatcher_->HeldRequests() == 1; }));
  dispatcher_->SendInLine(Wire({"GET", "a"}), Ask(client_, 1));
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_THAT(x_.Seen(), ElementsAre("INCR a", "INCR a", "GET a"));
}

// A long pipeline behind one refusal: all keep their order, at one answer's delay.
TEST_F(DispatcherOrderTest, ALongLineKeepsItsOrder) {
  Begin();
  x_.Answer(Refusing(500, kLater[1]));
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    expected.push_back("INCR " + std::to_string(i));
    Send(client_, {"INCR", std::to_string(i)});
  }
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(Ran(x_, 500), expected);
  EXPECT_EQ(client_.queue.HasHeldBack(), false);
}

TEST_F(DispatcherOrderTest, AReadIsNotAnsweredBeforeAnEarlierOne) {
  Begin();
  int calls = 0;
  x_.Answer([&](const Words& words) -> std::string {
    if (words[0] != "GET") return std::string(FakeShard::kOk);
    return ++calls == 1 ? "-LOADING x\r\n" : "$1\r\n" + std::to_string(calls) + "\r\n";
  });
  Send(client_, {"GET", "a"}, 1, true);
  Send(client_, {"GET", "a"}, 1, true);
  ASSERT_TRUE(AllAnswered(client_));
  EXPECT_EQ(client_.Output(), "$1\r\n3\r\n$1\r\n4\r\n");
}

}  // namespace
}  // namespace slotway::proxy
