// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <map>
#include <string>

#include "storage/engine/keyspace.h"
#include "storage/engine/test_constants.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {
namespace {

using protocol::Slot;

class KeyspaceEvictionTest : public ::testing::Test {
 protected:
  static Slot SlotOf(std::string_view key) {
    return static_cast<Slot>(std::hash<std::string_view>{}(key) % protocol::kSlotCount);
  }
  void Set(const std::string& key, TtlChange ttl = TtlChange::Clear(), std::int64_t now_ms = kNow) {
    keyspace_.SetString(SlotOf(key), key, "value", ttl, now_ms);
  }
  Entry Peek(const std::string& key, std::int64_t now_ms = kNow) {
    return keyspace_.Find(SlotOf(key), key, now_ms, Access::kPeek);
  }
  void Use(const std::string& key, std::int64_t now_ms) {
    keyspace_.Find(SlotOf(key), key, now_ms);
  }
  std::uint64_t Rank(const std::string& key, EvictionOrder order, std::int64_t now_ms = kNow) {
    return keyspace_.EvictionRank(Peek(key), order, now_ms);
  }

  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 1, .random_seed = 2}};
};

TEST_F(KeyspaceEvictionTest, SamplesGiveEachKeyItsTurn) {
  for (int i = 0; i < 5000; ++i) Set("k" + std::to_string(i));
  for (int i = 0; i < 100; ++i) Set("due" + std::to_string(i), TtlChange::At(kNow - 1));
  std::map<std::string, int> seen;
  std::uint64_t cursor = 0;
  std::size_t calls = 0;
  do {
    std::size_t in_sample = 0;
    cursor = keyspace_.SampleFrom(cursor, 5, [&](const Entry& entry) {
      ++seen[std::string(entry.key())];
      ++in_sample;
    });
    EXPECT_TRUE(in_sample >= 5 || cursor == 0);
    ++calls;
  } while (cursor != 0);
  EXPECT_EQ(seen.size(), 5100u);
  EXPECT_GT(calls, 400u);
  std::size_t twice = 0;
  for (const auto& [key, times] : seen) twice += times > 1 ? 1 : 0;
  EXPECT_LT(twice, 500u);
}

TEST_F(KeyspaceEvictionTest, SamplesOfVolatileKeysReachAllAndNoOther) {
  for (int i = 0; i < 3000; ++i) Set("plain" + std::to_string(i));
  for (int i = 0; i < 300; ++i) Set("ttl" + std::to_string(i), TtlChange::At(kNow + 1000 * i));
  std::map<std::string, int> seen;
  for (int i = 0; i < 2000; ++i) {
    keyspace_.SampleVolatile(5, [&](const Entry& entry) { ++seen[std::string(entry.key())]; });
  }
  EXPECT_EQ(seen.size(), 300u);
  for (const auto& [key, times] : seen) {
    EXPECT_TRUE(key.starts_with("ttl")) << key;
    EXPECT_GT(times, 5) << key;
  }
}

// All the others have left a stale token behind.
TEST_F(KeyspaceEvictionTest, TheOnlyVolatileKeyIsFound) {
  std::size_t seen = 0;
  const auto count = [&](const Entry& entry) {
    EXPECT_EQ(entry.key(), "k77");
    ++seen;
  };
  keyspace_.SampleVolatile(5, count);
  EXPECT_EQ(seen, 0u);
  for (int i = 0; i < 4000; ++i) {
    Set("k" + std::to_string(i), TtlChange::At(kNow + 100'000 + 37 * i));
  }
  for (int i = 0; i < 4000; ++i) {
    if (i != 77) keyspace_.ClearExpiry(Peek("k" + std::to_string(i)));
  }
  for (int i = 0; i < 20; ++i) {
    seen = 0;
    keyspace_.SampleVolatile(5, count);
    EXPECT_GE(seen, 1u);
  }
  keyspace_.ClearExpiry(Peek("k77"));
  seen = 0;
  keyspace_.SampleVolatile(5, count);
  EXPECT_EQ(seen, 0u);
}

TEST_F(KeyspaceEvictionTest, WhatWasUnusedForLongestGoesFirst) {
  constexpr auto kOrder = EvictionOrder::kLongestUnused;
  Set("a");
  Set("b", TtlChange::Clear(), kNow + 5000);
  EXPECT_GT(Rank("a", kOrder, kNow + 5000), Rank("b", kOrder, kNow + 5000));
  // A rank does not change with time, but with use.
  EXPECT_EQ(Rank("a", kOrder, kNow + 5000), Rank("a", kOrder, kNow + 90'000));
  Use("a", kNow + 10'000);
  EXPECT_LT(Rank("a", kOrder, kNow + 90'000), Rank("b", kOrder, kNow + 90'000));
}

TEST_F(KeyspaceEvictionTest, WhatIsUsedLeastGoesFirstAndThenWhatWasUsedEarlier) {
  constexpr auto kOrder = EvictionOrder::kLeastUsed;
  keyspace_.SetAccessRules({.clock = AccessClock::kLfu});
  Set("often");
  Set("a");
  Set("b", TtlChange::Clear(), kNow + 1000);
  keyspace_.SetFrequency(Peek("often"), 50, kNow);
  EXPECT_GT(Rank("a", kOrder, kNow + 2000), Rank("b", kOrder, kNow + 2000));
  EXPECT_GT(Rank("b", kOrder, kNow + 2000), Rank("often", kOrder, kNow + 2000));
  // Frequency falls by one a minute.
  keyspace_.SetFrequency(Peek("b"), 9, kNow + 50 * 60'000);
  EXPECT_GT(Rank("often", kOrder, kNow + 50 * 60'000), Rank("b", kOrder, kNow + 50 * 60'000));
  keyspace_.SetAccessRules({.clock = AccessClock::kLfu, .lfu_decay_minutes = 0});
  EXPECT_LT(Rank("often", kOrder, kNow + 50 * 60'000), Rank("b", kOrder, kNow + 50 * 60'000));
}

TEST_F(KeyspaceEvictionTest, WhatIsDueSoonestGoesFirst) {
  constexpr auto kOrder = EvictionOrder::kSoonestDue;
  Set("soon", TtlChange::At(kNow + 1000));
  Set("later", TtlChange::At(kNow + 90'000'000));
  Set("never");
  EXPECT_GT(Rank("soon", kOrder), Rank("later", kOrder));
  EXPECT_GT(Rank("later", kOrder), Rank("never", kOrder));
  EXPECT_EQ(Rank("soon", kOrder, kNow + 2000), kRankOfDue);
  EXPECT_FALSE(keyspace_.DeleteIfDue(Peek("later"), kNow + 2000));
  EXPECT_TRUE(keyspace_.DeleteIfDue(Peek("soon"), kNow + 2000));
  EXPECT_EQ(keyspace_.Size(), 2u);
}

TEST_F(KeyspaceEvictionTest, AMarkFindsItsKeyWhileThatStaysWhereItIs) {
  for (int i = 0; i < 100; ++i) Set("k" + std::to_string(i));
  const KeyMark mark = keyspace_.MarkOf(Peek("k7"));
  for (int i = 100; i < 10'000; ++i) Set("k" + std::to_string(i));
  EXPECT_EQ(keyspace_.FindMarked(mark).key(), "k7");
  keyspace_.Delete(SlotOf("k7"), "k7", kNow);
  EXPECT_FALSE(keyspace_.FindMarked(mark));
  const KeyMark other = keyspace_.MarkOf(Peek("k8"));
  keyspace_.FlushAll();
  EXPECT_FALSE(keyspace_.FindMarked(other));
}

TEST_F(KeyspaceEvictionTest, AnEmptiedKeyspaceTakesWhatItTookBefore) {
  Set("a");
  keyspace_.Delete(SlotOf("a"), "a", kNow);
  const std::size_t bytes = keyspace_.Memory().Total();
  for (int i = 0; i < 1000; ++i) Set("k" + std::to_string(i));
  keyspace_.FlushAll();
  while (keyspace_.FreeFlushed(1000)) {
  }
  EXPECT_EQ(keyspace_.Memory().Total(), bytes);
}

}  // namespace
}  // namespace slotway::storage
