// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "storage/engine/keyspace.h"
#include "storage/engine/test_constants.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {
namespace {

using protocol::Slot;

class KeyspaceExpiryTest : public ::testing::Test {
 protected:
  KeyspaceExpiryTest() {
    keyspace_.ExpireDue(kNow, 1);
    keyspace_.SetExpiryListener([this](Slot, std::string_view key) { expired_.emplace_back(key); });
  }
  static Slot SlotOf(std::string_view key) {
    return static_cast<Slot>(std::hash<std::string_view>{}(key) % protocol::kSlotCount);
  }
  void Set(const std::string& key, std::int64_t at_ms) {
    keyspace_.SetString(SlotOf(key), key, "v", TtlChange::At(at_ms), kNow);
  }
  bool Exists(const std::string& key, std::int64_t now_ms) {
    return keyspace_.Exists(SlotOf(key), key, now_ms);
  }

  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 1}};
  std::vector<std::string> expired_;
};

TEST_F(KeyspaceExpiryTest, AKeyIsGoneOneMillisecondAfterItsTime) {
  Set("a", kNow + 100);
  EXPECT_TRUE(Exists("a", kNow + 100));
  EXPECT_FALSE(Exists("a", kNow + 101));
  EXPECT_EQ(expired_, std::vector<std::string>{"a"});
  EXPECT_EQ(keyspace_.Size(), 0u);
}

TEST_F(KeyspaceExpiryTest, DueKeysGoWithoutAccessWithin100Ms) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::vector<std::int64_t> times;
  for (int i = 0; i < 20'000; ++i) {
    const std::int64_t at_ms = kNow + static_cast<std::int64_t>(random() % 10'000'000 >> i % 24);
    Set("k" + std::to_string(i), at_ms);
    times.push_back(at_ms);
  }
  std::sort(times.begin(), times.end());
  const auto due_before = [&](std::int64_t now_ms) {
    return static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), now_ms) -
                                    times.begin());
  };
  // The loop of a server: a call every 40 ms or so.
  for (std::int64_t now_ms = kNow; keyspace_.Size() > 0;
       now_ms += 20 + static_cast<std::int64_t>(random() % 40)) {
    ASSERT_LT(now_ms, kNow + 10'000'200);
    while (keyspace_.ExpireDue(now_ms, 10'000).more) continue;
    ASSERT_LE(20'000 - keyspace_.Size(), due_before(now_ms));
    ASSERT_GE(20'000 - keyspace_.Size(), due_before(now_ms - 40));
  }
  EXPECT_EQ(expired_.size(), 20'000u);
  EXPECT_EQ(keyspace_.Memory().expiry_bytes, 0u);
}

TEST_F(KeyspaceExpiryTest, FarTimesAndEarlyTimesAreKept) {
  Set("past", kNow - 5);
  Set("negative", -5);
  Set("far", std::int64_t{1} << 60);
  EXPECT_FALSE(Exists("past", kNow));
  EXPECT_FALSE(Exists("negative", kNow));
  EXPECT_TRUE(Exists("far", kNow + 1'000'000'000'000));
  keyspace_.ExpireDue(kNow + 1'000'000'000'000, 1000);
  EXPECT_TRUE(Exists("far", kNow + 1'000'000'000'000));
}

TEST_F(KeyspaceExpiryTest, AMillionKeysDueAtOnceGoInSmallSteps) {
  constexpr int kKeys = 1'000'000;
  keyspace_.SetExpiryListener({});
  for (int i = 0; i < kKeys; ++i) Set("k" + std::to_string(i), kNow + 60'000);
  EXPECT_EQ(keyspace_.SizeWithExpiry(), static_cast<std::size_t>(kKeys));
  constexpr std::size_t kBudget = 4096;
  std::int64_t now_ms = kNow;
  std::size_t calls = 0;
  auto longest = std::chrono::steady_clock::duration::zero();
  while (keyspace_.Size() > 0) {
    const std::size_t before = keyspace_.Size();
    const auto start = std::chrono::steady_clock::now();
    const auto progress = keyspace_.ExpireDue(now_ms, kBudget);
    longest = std::max(longest, std::chrono::steady_clock::now() - start);
    ASSERT_EQ(before - keyspace_.Size(), progress.expired);
    ASSERT_LE(progress.expired, kBudget + 8);
    if (!progress.more) now_ms += 10;
    ++calls;
    ASSERT_LT(now_ms, kNow + 61'000);
  }
  EXPECT_GT(calls, kKeys / (kBudget + 8));
  RecordProperty(
      "longest_call_us",
      static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(longest).count()));
  EXPECT_LT(arena_.held_bytes(), 8u << 20);
}

TEST_F(KeyspaceExpiryTest, TablesAreSmallAgainWhenMostKeysAreGone) {
  for (int i = 0; i < 400'000; ++i) {
    Set("k" + std::to_string(i), i % 4 == 0 ? kNow + 3'600'000 : kNow + 1000);
  }
  const std::size_t index_before = keyspace_.Memory().index_bytes;
  for (std::int64_t now_ms = kNow; now_ms < kNow + 2000; now_ms += 20) {
    while (keyspace_.ExpireDue(now_ms, 500).more) continue;
  }
  EXPECT_EQ(keyspace_.Size(), 100'000u);
  // A bucket of 64 bytes holds 5.6 keys at least. The slots' own headers are there before.
  const std::size_t slots_bytes = Keyspace(arena_, {}).Memory().index_bytes;
  const std::size_t index_after = keyspace_.Memory().index_bytes - slots_bytes;
  EXPECT_LT(index_after, index_before / 2);
  for (int i = 0; i < 400'000; i += 4) ASSERT_TRUE(Exists("k" + std::to_string(i), kNow + 2000));
}

TEST_F(KeyspaceExpiryTest, WhatIsDueDoesNotWaitForWhatIsHandedDown) {
  constexpr int kLater = 100'000;
  // All of them are in one place of an upper level, the others in places of the lowest.
  for (int i = 0; i < kLater; ++i) Set("later" + std::to_string(i), kNow + 10'000);
  std::int64_t now_ms = kNow;
  for (; now_ms < kNow + 9'900; now_ms += 20) {
    const std::string soon = "soon" + std::to_string(now_ms);
    Set(soon, now_ms + 20);
    expired_.clear();
    bool more = keyspace_.ExpireDue(now_ms + 40, 64).more;
    ASSERT_EQ(expired_, std::vector<std::string>{soon});
    for (int i = 0; more && i < 100; ++i) more = keyspace_.ExpireDue(now_ms + 40, 64).more;
  }
}

TEST_F(KeyspaceExpiryTest, AMillionKeysOfOneSlotGoToo) {
  constexpr int kKeys = 1'000'000;
  keyspace_.SetExpiryListener({});
  for (int i = 0; i < kKeys; ++i) {
    keyspace_.SetString(Slot{5}, "k" + std::to_string(i), "v", TtlChange::At(kNow + i / 1000),
                        kNow);
  }
  std::int64_t now_ms = kNow;
  while (keyspace_.Size() > 0) {
    ASSERT_LT(now_ms, kNow + 1200);
    if (!keyspace_.ExpireDue(now_ms, 5000).more) now_ms += 20;
  }
  EXPECT_LT(arena_.held_bytes(), 8u << 20);
}

TEST_F(KeyspaceExpiryTest, StaleTokensAreBounded) {
  // Each of these leaves a token behind: deleting, and shortening the time.
  for (int i = 0; i < 2'000'000; ++i) {
    const std::string key = "k" + std::to_string(i % 1000);
    const std::int64_t now_ms = kNow + i / 1000;
    switch (i / 1000 % 3) {
      case 0:
        Set(key, now_ms + 3'600'000);
        break;
      case 1:
        Set(key, now_ms + 1'000'000 - i);
        break;
      default:
        keyspace_.Delete(SlotOf(key), key, now_ms);
    }
    if (i % 1000 == 0) {
      keyspace_.ExpireDue(now_ms, 5000);
      ASSERT_LT(keyspace_.Memory().expiry_bytes, 600'000u);
    }
  }
  // Those that are needed are still there.
  const std::size_t left = keyspace_.SizeWithExpiry();
  expired_.clear();
  while (keyspace_.ExpireDue(kNow + 10'000'000, 5000).more) {
  }
  EXPECT_EQ(keyspace_.Size(), 0u);
  EXPECT_EQ(expired_.size(), left);
}

TEST_F(KeyspaceExpiryTest, ExtendingATtlAgainAndAgainNeedsNoMemory) {
  Set("session", kNow + 1000);
  for (int i = 0; i < 100'000; ++i) {
    const std::int64_t now_ms = kNow + i * 10;
    keyspace_.SetExpiry(keyspace_.Find(SlotOf("session"), "session", now_ms), now_ms + 1000);
    keyspace_.ExpireDue(now_ms, 100);
    ASSERT_LE(keyspace_.Memory().expiry_bytes, 3072u);
  }
  EXPECT_TRUE(Exists("session", kNow + 1'000'000));
  keyspace_.ExpireDue(kNow + 1'001'100, 100);
  EXPECT_EQ(keyspace_.Size(), 0u);
}

TEST_F(KeyspaceExpiryTest, AReplicaHidesDueKeysAndDeletesThemWhenPromoted) {
  keyspace_.SetExpiryMode(ExpiryMode::kHide);
  Set("a", kNow + 10);
  keyspace_.ExpireDue(kNow + 1000, 100);
  EXPECT_FALSE(Exists("a", kNow + 1000));
  EXPECT_EQ(keyspace_.Size(), 1u);
  keyspace_.SetExpiryMode(ExpiryMode::kIgnore);
  EXPECT_TRUE(Exists("a", kNow + 1000));
  keyspace_.SetExpiryMode(ExpiryMode::kDelete);
  keyspace_.ExpireDue(kNow + 2100, 100);
  EXPECT_EQ(keyspace_.Size(), 0u);
  EXPECT_EQ(expired_, std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace slotway::storage
