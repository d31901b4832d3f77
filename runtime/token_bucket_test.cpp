// SPDX-License-Identifier: Apache-2.0
#include "runtime/token_bucket.h"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace slotway::runtime {
namespace {

constexpr TokenBucket::Ns kMs = 1'000'000;
constexpr TokenBucket::Ns kStart = 1000 * kMs;

TEST(TokenBucket, GivesTheBurstAtOnceAndTheRateBehindIt) {
  TokenBucket bucket;
  EXPECT_FALSE(bucket.IsBounded());
  bucket.SetRate(1000, 100);  // one each millisecond, a hundred at once
  EXPECT_TRUE(bucket.IsBounded());
  EXPECT_EQ(bucket.AmountOf(20), 20u);
  EXPECT_LE(bucket.Reserve(60, kStart), kStart);
  EXPECT_LE(bucket.Reserve(40, kStart), kStart);
  EXPECT_EQ(bucket.Reserve(10, kStart), kStart + 10 * kMs);
  EXPECT_EQ(bucket.Reserve(10, kStart), kStart + 20 * kMs);
  // What was not used is there for the next one.
  bucket.Settle(10, 1);
  EXPECT_EQ(bucket.Reserve(9, kStart), kStart + 20 * kMs);
  // Idle for a long time it has the burst again, and no more.
  const auto later = kStart + 100'000 * kMs;
  EXPECT_TRUE(bucket.IsFull(later));
  EXPECT_LE(bucket.Reserve(100, later), later);
  EXPECT_GT(bucket.Reserve(1, later), later);
}

TEST(TokenBucket, WhatIsLargerThanTheBurstIsPaidAfterwards) {
  TokenBucket bucket;
  bucket.SetRate(10, 100);
  EXPECT_LE(bucket.Reserve(50, kStart), kStart);
  EXPECT_EQ(bucket.Reserve(1, kStart), kStart + 5000 * kMs);
  // The same for what turned out to be more.
  TokenBucket other;
  other.SetRate(10, 100);
  EXPECT_LE(other.Reserve(1, kStart), kStart);
  other.Settle(1, 51);
  EXPECT_EQ(other.Reserve(1, kStart), kStart + 5100 * kMs);
}

TEST(TokenBucket, ThreadsShareIt) {
  TokenBucket bucket;
  bucket.SetRate(1'000'000, 1);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 10'000; ++turn) bucket.Reserve(1, kStart);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bucket.Reserve(1, kStart), kStart + 40 * kMs + 1000 - kMs);
}

}  // namespace
}  // namespace slotway::runtime
