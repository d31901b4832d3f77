// SPDX-License-Identifier: Apache-2.0
#include "proxy/meters/exchange_meter.h"

#include <gtest/gtest.h>

#include "proxy/meters/access_log.h"

namespace slotway::proxy {
namespace {

constexpr protocol::FamilyId kSome = 1, kOther = 2;

class ExchangeMeterTest : public testing::Test {
 protected:
  ExchangeMeterTest() { meter_.Attach(worker_, node_); }

  // Requests read at that time.
  void Ask(std::uint64_t at_us, int requests) {
    worker_.now_us = at_us;
    for (int i = 0; i < requests; ++i) meter_.Asked();
  }
  // Replies read at that time; how many are to be noted.
  int Answer(std::uint64_t at_us, int replies, protocol::FamilyId family = kSome) {
    meter_.BeginReplies();
    worker_.now_us = at_us;
    int noted = 0;
    for (int i = 0; i < replies; ++i) {
      noted += meter_.Answered(family, 10, 10) ? 1 : 0;
      meter_.Pass();
    }
    meter_.EndReplies();
    return noted;
  }

  AccessLog access_;
  WorkerMeter worker_{"slotway-0-0", access_};
  // shared: as in a pool.
  std::shared_ptr<NodeMeter> node_ = worker_.nodes.Of("127.0.0.1:7000");
  ExchangeMeter meter_;
};

TEST_F(ExchangeMeterTest, EachRequestHasTheTimeOfItsBatch) {
  Ask(1000, 3);
  Ask(5000, 2);
  Answer(9000, 4);
  EXPECT_EQ(worker_.latency_us[kSome].Sum(), 3 * 8000u + 4000u);
  EXPECT_EQ(node_->latency_us.Sum(), 3 * 8000u + 4000u);
  Answer(10'000, 1, kOther);
  EXPECT_EQ(worker_.latency_us[kOther].Sum(), 5000u);
  EXPECT_EQ(node_->latency_us.Count(runtime::Histogram::BucketOf(8000)), 4u);
}

TEST_F(ExchangeMeterTest, ABatchMayBeReadWhileTheOneBeforeIsAnswered) {
  Ask(1000, 2);
  Answer(2000, 1);
  Ask(3000, 1);
  Answer(4000, 2);
  EXPECT_EQ(node_->latency_us.Sum(), 1000u + 3000u + 1000u);
}

TEST_F(ExchangeMeterTest, WhatIsSlowIsNotedAndNothingElse) {
  worker_.look_from_us = 5000;
  Ask(1000, 2);
  EXPECT_EQ(Answer(5999, 1), 0);
  EXPECT_EQ(Answer(6000, 1), 1);
  Ask(7000, 1);
  meter_.BeginReplies();
  EXPECT_TRUE(meter_.Answered(kSome, 10, WorkerMeter::kLargeBytes));
}

TEST_F(ExchangeMeterTest, WhereEverythingIsSlowAFewAreNoted) {
  config::ProxyConfig settings;
  settings.slow_requests.over_ms = 5;
  worker_.Apply(settings, 1);
  Ask(1000, 10);
  EXPECT_EQ(Answer(7000, 10), 1);  // one of a batch
  EXPECT_EQ(worker_.slow_requests.Get(), 10u);
  int noted = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Ask(10'000 + i, 1);
    noted += Answer(20'000 + i, 1);
  }
  EXPECT_EQ(noted + 1, static_cast<int>(WorkerMeter::kSlowNotedPerSecond));
  EXPECT_EQ(worker_.slow_requests.Get(), 1010u);
  Ask(2'000'000, 1);
  EXPECT_EQ(Answer(2'010'000, 1), 1);
}

TEST_F(ExchangeMeterTest, CountsWhatIsNotMeasuredToo) {
  meter_.Asked(2);  // a handshake
  meter_.Pass(2);
  Ask(1000, 1);
  EXPECT_EQ(meter_.Ordinal(), 3u);
  EXPECT_EQ(Answer(2000, 1), 0);
  EXPECT_EQ(meter_.Ordinal(), 4u);
  EXPECT_EQ(node_->latency_us.Sum(), 1000u);
}

TEST_F(ExchangeMeterTest, WhatWasHeldHasItsOwnTime) {
  worker_.look_from_us = 5000;
  Ask(1000, 1);
  meter_.BeginReplies();
  EXPECT_TRUE(meter_.AnsweredLate(kSome, 70'000));
  EXPECT_EQ(meter_.Times().total_us, 70'000u);
  EXPECT_EQ(node_->latency_us.Sum(), 70'000u);
}

TEST_F(ExchangeMeterTest, ANodeThatNobodyKnowsAnyMoreIsForgotten) {
  EXPECT_EQ(worker_.nodes.All().size(), 1u);
  node_.reset();
  EXPECT_EQ(worker_.nodes.All().size(), 1u);  // the connection's
  meter_ = ExchangeMeter();
  EXPECT_TRUE(worker_.nodes.All().empty());
}

}  // namespace
}  // namespace slotway::proxy
