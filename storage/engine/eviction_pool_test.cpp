// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/eviction_pool.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace slotway::storage {
namespace {

EvictionPool::Candidate Ranked(std::uint64_t rank, ArenaRef ref) {
  return {.rank = rank, .mark = {.hash = ref * 31, .ref = ref, .slot = {}}, .db_index = 0};
}

TEST(EvictionPoolTest, KeepsTheBestOfAll) {
  std::mt19937_64 random(5);
  std::vector<std::uint64_t> ranks;
  EvictionPool pool;
  for (ArenaRef ref = 1; ref <= 1000; ++ref) {
    ranks.push_back(random() % 500);
    pool.Offer(Ranked(ranks.back(), ref));
  }
  std::sort(ranks.rbegin(), ranks.rend());
  for (std::size_t i = 0; i < EvictionPool::kCapacity; ++i) {
    ASSERT_FALSE(pool.IsEmpty());
    EXPECT_EQ(pool.TakeBest().rank, ranks[i]);
  }
  EXPECT_TRUE(pool.IsEmpty());
}

TEST(EvictionPoolTest, AKeyIsInItOnceWithItsLastRank) {
  EvictionPool pool;
  for (ArenaRef ref = 1; ref <= EvictionPool::kCapacity; ++ref) pool.Offer(Ranked(ref * 10, ref));
  pool.Offer(Ranked(1000, 3));
  pool.Offer(Ranked(25, 16));
  EXPECT_EQ(pool.TakeBest().mark.ref, 3u);
  EXPECT_EQ(pool.TakeBest().mark.ref, 15u);
  std::size_t left = 0;
  for (; !pool.IsEmpty(); ++left) {
    const EvictionPool::Candidate candidate = pool.TakeBest();
    EXPECT_EQ(candidate.rank, candidate.mark.ref == 16 ? 25 : candidate.mark.ref * 10);
  }
  EXPECT_EQ(left, EvictionPool::kCapacity - 2);
}

TEST(EvictionPoolTest, SaysWhoFindsAPlace) {
  EvictionPool pool;
  EXPECT_TRUE(pool.HasPlaceFor(0));
  for (ArenaRef ref = 1; ref <= EvictionPool::kCapacity; ++ref) pool.Offer(Ranked(10, ref));
  EXPECT_FALSE(pool.HasPlaceFor(10));
  EXPECT_TRUE(pool.HasPlaceFor(11));
  pool.Offer(Ranked(9, 99));
  while (!pool.IsEmpty()) EXPECT_EQ(pool.TakeBest().rank, 10u);
}

}  // namespace
}  // namespace slotway::storage
