// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/private_connections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

#include "proxy/backend/fake_shard.h"

namespace slotway::proxy {
namespace {

using Words = std::vector<std::string>;

class PrivateConnectionsTest : public testing::Test, protected PrivateConnections::Holder {
 protected:
  static constexpr std::size_t kMany = 100;
  static constexpr std::size_t kAtOnce = PrivateConnections::kOpeningMax;
  static constexpr Lane kLane{protocol::RespVersion::kResp2};

  ~PrivateConnectionsTest() override {
    loop_.Post([this] {
      connections_.Shutdown();
      loop_.Stop();
    });
    loop_.Run();
  }
  void OnPrivateDown(BackendConnection& connection, std::string_view) override {
    down_.push_back(&connection);
  }
  void OnPrivateReady(BackendConnection& connection) override { ready_.push_back(&connection); }

  BackendConnection* Take(const FakeShard& shard) { return Take(shard.Port()); }
  BackendConnection* Take(std::uint16_t port) {
    return connections_.Take(*runtime::SocketAddress::FromNumeric("127.0.0.1", port), kLane, *this);
  }
  // How many have reached the shard: each says two things.
  static std::size_t Reached(const FakeShard& shard) { return shard.Greetings() / 2; }

  runtime::EventLoop loop_;
  FakeShard x_{loop_}, y_{loop_};
  PrivateConnections connections_{loop_, {}, kMany};
  std::vector<BackendConnection*> ready_, down_;
};

TEST_F(PrivateConnectionsTest, FewAtATimeAreOpenedToANode) {
  x_.AnswerGreetings([](const Words&) { return std::string(FakeShard::kSilence); });
  std::vector<BackendConnection*> taken;
  for (std::size_t i = 0; i < kMany - 1; ++i) taken.push_back(Take(x_));
  ASSERT_TRUE(RunUntil(loop_, [&] { return Reached(x_) == kAtOnce; }));
  // Another node's have nothing to do with that.
  BackendConnection* other = Take(y_);
  ASSERT_TRUE(RunUntil(loop_, [&] { return ready_.size() == 1; }));
  EXPECT_EQ(ready_[0], other);
  ready_.clear();
  EXPECT_EQ(Reached(x_), kAtOnce);
  x_.AnswerGreetings({});
  x_.Push("+OK\r\n:7\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return ready_.size() == taken.size(); }));
  EXPECT_EQ(Reached(x_), taken.size());
  taken.resize(kAtOnce);
  ready_.resize(kAtOnce);
  EXPECT_THAT(ready_, testing::UnorderedElementsAreArray(taken)) << "who came first is first";
}

TEST_F(PrivateConnectionsTest, WhatIsNoLongerWantedIsNotOpened) {
  x_.AnswerGreetings([](const Words&) { return std::string(FakeShard::kSilence); });
  std::vector<BackendConnection*> taken;
  for (std::size_t i = 0; i < kMany; ++i) taken.push_back(Take(x_));
  ASSERT_TRUE(RunUntil(loop_, [&] { return Reached(x_) == kAtOnce; }));
  for (std::size_t i = kAtOnce + 1; i < kMany; ++i) connections_.End(*taken[i]);
  EXPECT_EQ(connections_.Size(), kAtOnce + 1);
  // The place of one that was being opened goes to the next.
  connections_.End(*taken[0]);
  ASSERT_TRUE(RunUntil(loop_, [&] { return Reached(x_) == kAtOnce + 1; }));
  EXPECT_TRUE(down_.empty());
}

TEST_F(PrivateConnectionsTest, WhoWaitsForANodeOutOfReachIsToldWithTheFirst) {
  std::uint16_t port = x_.Port();
  x_.HangUp(true);
  for (std::size_t i = 0; i < kMany; ++i) Take(port);
  ASSERT_TRUE(RunUntil(loop_, [&] { return down_.size() == kMany; }));
  EXPECT_EQ(connections_.Size(), 0u);
}

TEST_F(PrivateConnectionsTest, AnIdleOneIsTakenAgainTheLatestFirst) {
  BackendConnection *first = Take(x_), *second = Take(x_);
  ASSERT_TRUE(RunUntil(loop_, [&] { return ready_.size() == 2; }));
  connections_.GiveBack(*first);
  connections_.GiveBack(*second);
  EXPECT_EQ(connections_.Leased(), 0u);
  EXPECT_NE(Take(y_), second) << "it leads elsewhere";
  EXPECT_EQ(Take(x_), second);
  EXPECT_EQ(Take(x_), first);
  EXPECT_EQ(connections_.Leased(), 3u);
}

TEST_F(PrivateConnectionsTest, TheLongestIdleMakesRoom) {
  connections_.SetMax(2);
  BackendConnection *first = Take(x_), *second = Take(y_);
  ASSERT_TRUE(RunUntil(loop_, [&] { return ready_.size() == 2; }));
  EXPECT_EQ(Take(x_), nullptr);
  connections_.GiveBack(*second);
  connections_.GiveBack(*first);
  EXPECT_EQ(Take(x_), first);
  BackendConnection* third = Take(x_);
  ASSERT_NE(third, nullptr);
  EXPECT_NE(third, second);
  EXPECT_EQ(connections_.Size(), 2u);
}

TEST_F(PrivateConnectionsTest, ACrowdOfIdleOnesGoesStepByStep) {
  std::vector<BackendConnection*> taken;
  for (std::size_t i = 0; i < kMany; ++i) taken.push_back(Take(x_));
  ASSERT_TRUE(RunUntil(loop_, [&] { return ready_.size() == kMany; }));
  for (BackendConnection* connection : taken) connections_.GiveBack(*connection);
  std::size_t after_sweep = 0;
  loop_.Post([&] {
    for (int sweep = 0; sweep < 3; ++sweep) connections_.SweepIdle();
    after_sweep = connections_.Size();
  });
  ASSERT_TRUE(RunUntil(loop_, [&] { return connections_.Size() == 0; }));
  EXPECT_GT(after_sweep, 0u);
  EXPECT_LT(after_sweep, kMany);
}

}  // namespace
}  // namespace slotway::proxy
