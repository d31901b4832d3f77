// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/keyspace.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/engine/test_constants.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {
namespace {

using protocol::Slot;

Slot SlotNumber(int slot) { return static_cast<Slot>(slot); }
Slot SpreadSlot(std::string_view key) {
  return static_cast<Slot>(std::hash<std::string_view>{}(key) % protocol::kSlotCount);
}

std::string Text(const Entry& entry) {
  NumberText buffer;
  return std::string(StringText(entry, buffer));
}

class KeyspaceTest : public ::testing::Test {
 protected:
  void Set(const std::string& key, std::string_view value, TtlChange ttl = TtlChange::Clear(),
           std::int64_t now_ms = kNow) {
    keyspace_.SetString(SpreadSlot(key), key, value, ttl, now_ms);
  }
  Entry Find(const std::string& key, std::int64_t now_ms = kNow) {
    return keyspace_.Find(SpreadSlot(key), key, now_ms);
  }
  Entry Peek(const std::string& key) {
    return keyspace_.Find(SpreadSlot(key), key, kNow, Access::kPeek);
  }
  std::string Get(const std::string& key, std::int64_t now_ms = kNow) {
    const Entry entry = Find(key, now_ms);
    return entry ? Text(entry) : "(none)";
  }
  bool Delete(const std::string& key, std::int64_t now_ms = kNow) {
    return keyspace_.Delete(SpreadSlot(key), key, now_ms);
  }

  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 1, .random_seed = 2}};
};

TEST_F(KeyspaceTest, StoresAndDeletes) {
  EXPECT_FALSE(Find("a"));
  Set("a", "one");
  EXPECT_EQ(Get("a"), "one");
  EXPECT_EQ(keyspace_.Size(), 1u);
  EXPECT_TRUE(Delete("a"));
  EXPECT_FALSE(Delete("a"));
  EXPECT_EQ(keyspace_.Size(), 0u);
  EXPECT_EQ(keyspace_.Memory().record_bytes, 0u);
}

TEST_F(KeyspaceTest, ChoosesTheEncodingsOfRedis) {
  const std::pair<std::string, Encoding> cases[] = {
      {"", Encoding::kEmbstr},
      {"0", Encoding::kInt},
      {"-1", Encoding::kInt},
      {"9223372036854775807", Encoding::kInt},
      {"-9223372036854775808", Encoding::kInt},
      {"9223372036854775808", Encoding::kEmbstr},
      {"-0", Encoding::kEmbstr},
      {"-", Encoding::kEmbstr},
      {"007", Encoding::kEmbstr},
      {"+1", Encoding::kEmbstr},
      {" 1", Encoding::kEmbstr},
      {"1.0", Encoding::kEmbstr},
      {std::string(44, 'x'), Encoding::kEmbstr},
      {std::string(45, 'x'), Encoding::kRaw},
      {std::string(70'000, 'x'), Encoding::kRaw},
  };
  for (const auto& [value, encoding] : cases) {
    Set("k", value);
    const Entry entry = Find("k");
    EXPECT_EQ(entry.encoding(), encoding) << value.substr(0, 50);
    EXPECT_EQ(Text(entry), value);
    EXPECT_EQ(StringLength(entry), value.size());
  }
}

TEST_F(KeyspaceTest, KeysAndValuesOfEveryLengthComeBack) {
  for (const std::size_t key_bytes : {0, 1, 255, 256, 65'535, 65'536, 200'000}) {
    for (const std::size_t value_bytes : {0, 1, 255, 256, 65'535, 65'536, 3'000'000}) {
      for (const bool has_ttl : {false, true}) {
        const std::string key(key_bytes, 'k');
        const std::string value(value_bytes, 'v');
        Set(key, value, has_ttl ? TtlChange::At(kNow + 5) : TtlChange::Clear());
        EXPECT_EQ(Get(key), value) << key_bytes << " " << value_bytes;
        EXPECT_EQ(Find(key).expire_at_ms().has_value(), has_ttl);
      }
    }
  }
}

TEST_F(KeyspaceTest, GrowsAndShrinksStringsInPlace) {
  Set("n", "12");
  Entry entry = keyspace_.AppendString(Find("n"), "3x");
  EXPECT_EQ(Text(entry), "123x");
  EXPECT_EQ(entry.encoding(), Encoding::kRaw);
  entry = keyspace_.ResizeString(entry, 6);
  EXPECT_EQ(Text(entry), std::string("123x\0\0", 6));
  keyspace_.MutableBytes(entry)[5] = 'z';
  EXPECT_EQ(Get("n"), std::string("123x\0z", 6));
  entry = keyspace_.ResizeString(entry, 2);
  EXPECT_EQ(Text(entry), "12");
  entry = keyspace_.ReplaceNumber(entry, 99);
  EXPECT_EQ(entry.encoding(), Encoding::kInt);
  entry = keyspace_.ReplaceNumber(entry, -5);
  EXPECT_EQ(Get("n"), "-5");
}

TEST_F(KeyspaceTest, AppendingManyTimesKeepsContentAndTtl) {
  Set("log", "", TtlChange::At(kNow + 1000));
  std::string model;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
    keyspace_.AppendString(Find("log"), piece);
    model += piece;
  }
  EXPECT_EQ(Get("log"), model);
  EXPECT_EQ(Find("log").expire_at_ms(), kNow + 1000);
  keyspace_.ResizeString(Find("log"), 10);
  EXPECT_EQ(Get("log"), model.substr(0, 10));
  EXPECT_LT(keyspace_.Memory().record_bytes, 100u);
}

TEST_F(KeyspaceTest, KeepsClearsAndReplacesTheTtl) {
  Set("a", "1", TtlChange::At(kNow + 10));
  Set("a", "a longer value than before", TtlChange::Keep());
  EXPECT_EQ(Find("a").expire_at_ms(), kNow + 10);
  EXPECT_EQ(keyspace_.SizeWithExpiry(), 1u);
  Set("a", "2", TtlChange::At(kNow + 20));
  EXPECT_EQ(Find("a").expire_at_ms(), kNow + 20);
  Set("a", "3");
  EXPECT_EQ(Find("a").expire_at_ms(), std::nullopt);
  EXPECT_EQ(keyspace_.SizeWithExpiry(), 0u);
  keyspace_.SetExpiry(Find("a"), kNow + 30);
  EXPECT_EQ(keyspace_.SizeWithExpiry(), 1u);
  EXPECT_EQ(Get("a"), "3");
  EXPECT_TRUE(keyspace_.ClearExpiry(Find("a")));
  EXPECT_FALSE(keyspace_.ClearExpiry(Find("a")));
  EXPECT_EQ(keyspace_.SizeWithExpiry(), 0u);
  EXPECT_EQ(Get("a", kNow + 1000), "3");
}

TEST_F(KeyspaceTest, RenamesWithValueAndTtl) {
  const auto rename = [&](const std::string& from, const std::string& to) {
    return keyspace_.Rename({SpreadSlot(from), from}, {SpreadSlot(to), to}, kNow);
  };
  EXPECT_FALSE(rename("a", "b"));
  Set("a", "value", TtlChange::At(kNow + 50));
  Set("b", std::string(500, 'b'));
  EXPECT_TRUE(rename("a", "a"));
  EXPECT_TRUE(rename("a", "b"));
  EXPECT_EQ(Get("a"), "(none)");
  EXPECT_EQ(Get("b"), "value");
  EXPECT_EQ(Find("b").expire_at_ms(), kNow + 50);
  EXPECT_EQ(keyspace_.Size(), 1u);
  keyspace_.ExpireDue(kNow + 100, 1000);
  EXPECT_EQ(keyspace_.Size(), 0u);
  EXPECT_EQ(keyspace_.Memory().record_bytes, 0u);
}

TEST_F(KeyspaceTest, CountsPerSlot) {
  for (int i = 0; i < 100; ++i) {
    keyspace_.SetString(SlotNumber(7), "k" + std::to_string(i), "v", TtlChange::Clear(), kNow);
  }
  EXPECT_EQ(keyspace_.SizeOfSlot(SlotNumber(7)), 100u);
  EXPECT_EQ(keyspace_.SizeOfSlot(SlotNumber(8)), 0u);
  EXPECT_EQ(keyspace_.BytesOfSlot(SlotNumber(7)), keyspace_.Memory().record_bytes);
  std::set<std::string> keys;
  keyspace_.ForEachInSlot(SlotNumber(7), 30,
                          [&](const Entry& entry) { keys.emplace(entry.key()); });
  EXPECT_EQ(keys.size(), 30u);
  keyspace_.FlushSlot(SlotNumber(7));
  EXPECT_EQ(keyspace_.SizeOfSlot(SlotNumber(7)), 0u);
  EXPECT_EQ(keyspace_.BytesOfSlot(SlotNumber(7)), 0u);
  EXPECT_EQ(keyspace_.Size(), 0u);
  int calls = 1;
  while (keyspace_.FreeFlushed(10)) ++calls;
  EXPECT_GE(calls, 5);
  EXPECT_EQ(keyspace_.SizeOfType(ValueType::kString), 0u);
  EXPECT_EQ(keyspace_.Memory().record_bytes, 0u);
}

TEST_F(KeyspaceTest, FlushedKeysAreGoneAtOnceAndTheirMemorySoonAfter) {
  for (int i = 0; i < 20'000; ++i) {
    Set("k" + std::to_string(i), "value", TtlChange::At(kNow + i));
  }
  keyspace_.FlushSlot(SpreadSlot("k1"));
  keyspace_.FlushAll();
  EXPECT_EQ(keyspace_.Size(), 0u);
  EXPECT_EQ(keyspace_.SizeWithExpiry(), 0u);
  EXPECT_EQ(Get("k5"), "(none)");
  Set("k5", "new");
  while (keyspace_.FreeFlushed(100)) EXPECT_EQ(Get("k5"), "new");
  EXPECT_EQ(keyspace_.Memory().record_bytes, RecordArena::RoundedBytes(8 + 2 + 3));
  EXPECT_EQ(keyspace_.SizeOfType(ValueType::kString), 1u);
}

TEST_F(KeyspaceTest, BytesAreCountedByType) {
  const auto bytes_of = [&](ValueType type) { return keyspace_.BytesOfType(type); };
  const std::string numbers(300, '1');
  const Slot slot = SpreadSlot("k");
  keyspace_.SetBytes(slot, "k", ValueType::kSet, Encoding::kIntset, numbers, TtlChange::Clear(),
                     kNow);
  EXPECT_EQ(bytes_of(ValueType::kSet), keyspace_.Memory().record_bytes);
  Set("k", "short", TtlChange::At(kNow + 1000));
  EXPECT_EQ(bytes_of(ValueType::kSet), 0u);
  EXPECT_EQ(bytes_of(ValueType::kString), keyspace_.Memory().record_bytes);
  Set("other", "value");
  keyspace_.SetExpiry(Find("other"), kNow + 5000);
  keyspace_.AppendString(Find("other"), numbers);
  keyspace_.Rename({SpreadSlot("other"), "other"}, {slot, "k"}, kNow);
  EXPECT_EQ(bytes_of(ValueType::kString), keyspace_.Memory().record_bytes);
  // The same length: in place.
  keyspace_.SetBytes(slot, "k", ValueType::kHash, Encoding::kListpack, Get("k"), TtlChange::Clear(),
                     kNow);
  EXPECT_EQ(bytes_of(ValueType::kHash), keyspace_.Memory().record_bytes);
  EXPECT_EQ(bytes_of(ValueType::kString), 0u);
  keyspace_.FlushAll();
  EXPECT_EQ(bytes_of(ValueType::kHash), 0u);
}

TEST_F(KeyspaceTest, AStringIsFilledFromTheOneThatItReplaces) {
  Set("k", "abcdefgh", TtlChange::At(kNow + 1000));
  const std::string_view old = keyspace_.Find(SpreadSlot("k"), "k", kNow).Bytes();
  const auto reverse = [&](std::span<char> bytes) {
    std::reverse_copy(old.begin(), old.end(), bytes.begin());
  };
  const Entry entry = keyspace_.SetFilledString(SpreadSlot("k"), "k", old.size(), reverse,
                                                TtlChange::Clear(), kNow);
  EXPECT_EQ(entry.Bytes(), "hgfedcba");
  EXPECT_EQ(entry.encoding(), Encoding::kRaw);
  EXPECT_EQ(entry.expire_at_ms(), std::nullopt);
  keyspace_.SetFilledString(
      SpreadSlot("new"), "new", 3, [](std::span<char> bytes) { std::ranges::fill(bytes, 'x'); },
      TtlChange::Clear(), kNow);
  EXPECT_EQ(Get("new"), "xxx");
}

TEST_F(KeyspaceTest, WhatWaitsToBeFreedIsCounted) {
  for (int i = 0; i < 1000; ++i) Set("k" + std::to_string(i), "value");
  EXPECT_EQ(keyspace_.PendingFrees(), 0u);
  keyspace_.FlushSlot(SpreadSlot("k1"));
  keyspace_.FlushAll();
  EXPECT_EQ(keyspace_.PendingFrees(), 1000u);
  EXPECT_EQ(keyspace_.TakeFreedCount(), 0u);
  while (keyspace_.FreeFlushed(10)) {
  }
  EXPECT_EQ(keyspace_.PendingFrees(), 0u);
  EXPECT_EQ(keyspace_.TakeFreedCount(), 1000u);
  EXPECT_EQ(keyspace_.TakeFreedCount(), 0u);
}

TEST_F(KeyspaceTest, KeyspacesShareAnArena) {
  {
    Keyspace other(arena_, {.hash_seed = 3});
    other.SetString(SlotNumber(1), "a", "other", TtlChange::Clear(), kNow);
    keyspace_.SetString(SlotNumber(1), "a", "mine", TtlChange::Clear(), kNow);
    EXPECT_EQ(Text(other.Find(SlotNumber(1), "a", kNow)), "other");
    Keyspace moved = std::move(other);
    EXPECT_EQ(Text(moved.Find(SlotNumber(1), "a", kNow)), "other");
  }
  EXPECT_EQ(Text(keyspace_.Find(SlotNumber(1), "a", kNow)), "mine");
}

TEST_F(KeyspaceTest, RandomEntriesAreSpreadEvenly) {
  for (int i = 0; i < 100; ++i) Set("k" + std::to_string(i), "v");
  std::map<std::string, int> hits;
  for (int i = 0; i < 100'000; ++i) ++hits[std::string(keyspace_.RandomEntry(kNow).key())];
  EXPECT_EQ(hits.size(), 100u);
  for (const auto& [key, count] : hits) {
    EXPECT_GT(count, 800) << key;
    EXPECT_LT(count, 1200) << key;
  }
}

TEST_F(KeyspaceTest, MeasuresIdleTimeAndFrequency) {
  Set("a", "v");
  EXPECT_EQ(keyspace_.IdleSeconds(Find("a", kNow), kNow + 90'000), 90);
  keyspace_.Find(SpreadSlot("a"), "a", kNow + 80'000, Access::kPeek);
  EXPECT_EQ(keyspace_.IdleSeconds(Find("a", kNow), kNow + 90'000), 90);
  keyspace_.SetIdleSeconds(Find("a"), 500, kNow);
  EXPECT_EQ(keyspace_.IdleSeconds(Peek("a"), kNow), 500);
  EXPECT_EQ(keyspace_.AccessBits(Peek("a"), kNow), (kNow / 1000 - 500) & 0xffffff);

  keyspace_.SetIdleSeconds(Find("a"), INT64_MAX, kNow);
  EXPECT_EQ(keyspace_.IdleSeconds(Peek("a"), kNow), kLruIdleSecondsMax);

  keyspace_.SetAccessRules({.clock = AccessClock::kLfu});
  Set("b", "v");
  const auto frequency = [&](std::int64_t now_ms) {
    return keyspace_.Frequency(keyspace_.Find(SpreadSlot("b"), "b", now_ms, Access::kPeek), now_ms);
  };
  EXPECT_EQ(frequency(kNow), 5);
  for (int i = 0; i < 1000; ++i) Find("b");
  EXPECT_GT(frequency(kNow), 10);
  EXPECT_LT(frequency(kNow), 40);
  EXPECT_EQ(frequency(kNow + 3'600'000), 0);
  keyspace_.SetFrequency(Find("b"), 200, kNow);
  EXPECT_EQ(frequency(kNow), 200);
  EXPECT_EQ(keyspace_.AccessBits(Peek("b"), kNow), (kNow / 60'000 & 0xffff) << 8 | 200);
  EXPECT_EQ(keyspace_.IdleSeconds(Peek("b"), kNow + 30'000), 30);
  EXPECT_EQ(keyspace_.IdleSeconds(Peek("b"), kNow + 3'600'000), 3600);
}

// The rule of SCAN: what is there from beginning to end is returned, whatever happens to the rest.
TEST_F(KeyspaceTest, ScanReturnsAllThatStays) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const bool is_one_slot : {false, true}) {
    const auto slot_of = [&](const std::string& key) {
      return is_one_slot ? SlotNumber(99) : SpreadSlot(key);
    };
    std::set<std::string> stay;
    for (int i = 0; i < 10'000; ++i) stay.insert("stay" + std::to_string(i));
    for (const std::string& key : stay) {
      keyspace_.SetString(slot_of(key), key, "v", TtlChange::Clear(), kNow);
    }
    std::set<std::string> seen;
    std::uint64_t cursor = 0;
    int passing = 0;
    bool growing = true;
    do {
      cursor =
          keyspace_.Scan(cursor, 10, kNow, [&](const Entry& entry) { seen.emplace(entry.key()); });
      ASSERT_LT(cursor, std::uint64_t{1} << 46);
      for (int i = 0; i < 50; ++i) {
        const std::string key = "passing" + std::to_string(passing);
        if (growing) {
          keyspace_.SetString(slot_of(key), key, "v", TtlChange::Clear(), kNow);
          ++passing;
        } else {
          keyspace_.Delete(slot_of(key), key, kNow);
          --passing;
        }
        if (passing <= 0) growing = true;
        if (passing > 40'000) growing = false;
      }
    } while (cursor != 0);
    for (const std::string& key : stay) ASSERT_TRUE(seen.contains(key)) << key;
    keyspace_.FlushAll();
  }
}

TEST_F(KeyspaceTest, ScanOfASlotStaysInIt) {
  for (int i = 0; i < 5000; ++i) {
    keyspace_.SetString(SlotNumber(i % 2), "k" + std::to_string(i), "v", TtlChange::Clear(), kNow);
  }
  std::set<std::string> seen;
  std::uint64_t cursor = 0;
  do {
    cursor = keyspace_.ScanSlot(SlotNumber(1), cursor, 10, kNow, [&](const Entry& entry) {
      EXPECT_TRUE(seen.emplace(entry.key()).second);
    });
  } while (cursor != 0);
  EXPECT_EQ(seen.size(), 2500u);
}

TEST_F(KeyspaceTest, HiddenSlotsAreThereButNotForClients) {
  for (int slot = 0; slot < 4; ++slot) {
    const std::string key = "key" + std::to_string(slot);
    keyspace_.SetString(SlotNumber(slot), key, "v", TtlChange::At(kNow + 10), kNow);
  }
  keyspace_.HideSlot(SlotNumber(1), true);
  keyspace_.HideSlot(SlotNumber(3), true);
  EXPECT_EQ(keyspace_.Size(), 4u);
  EXPECT_EQ(keyspace_.VisibleSize(), 2u);
  EXPECT_EQ(keyspace_.HiddenSlots(), (std::vector{SlotNumber(1), SlotNumber(3)}));
  std::set<std::string> seen;
  const auto note = [&seen](const Entry& entry) { seen.emplace(entry.key()); };
  for (std::uint64_t cursor = keyspace_.Scan(0, 1, kNow, note); cursor != 0;) {
    cursor = keyspace_.Scan(cursor, 1, kNow, note);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"key0", "key2"}));
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(seen.contains(std::string(keyspace_.RandomEntry(kNow).key())));
  }
  while (keyspace_.ExpireDue(kNow + 5000, 1000).more) {
  }
  EXPECT_EQ(keyspace_.Size(), 2u) << "what is due there is somebody else's business";
  EXPECT_FALSE(keyspace_.RandomEntry(kNow));
  keyspace_.HideSlot(SlotNumber(1), false);
  EXPECT_EQ(keyspace_.VisibleSize(), 1u);
  while (keyspace_.ExpireDue(kNow + 10'000, 1000).more) {
  }
  EXPECT_EQ(keyspace_.Size(), 1u);
}

TEST(KeyspaceCompaction, RecordsMoveOffSparsePagesAndKeepAll) {
  RecordArena arena;
  Keyspace keyspace(arena, {.hash_seed = 7});
  const auto slot_of = [](int i) { return static_cast<protocol::Slot>(i % 50); };
  const auto name_of = [](int i) { return "key:" + std::to_string(i); };
  constexpr int kKeys = 100'000;
  for (int i = 0; i < kKeys; ++i) {
    keyspace.SetString(slot_of(i), name_of(i), std::string(300, 'v'),
                       TtlChange::At(kNow + 60'000 + i), kNow);
  }
  for (int i = 0; i < kKeys; ++i) {
    if (i % 10 != 0) keyspace.Delete(slot_of(i), name_of(i), kNow);
  }
  const KeyspaceMemory before = keyspace.Memory();
  EXPECT_GT(arena.FreeSlabBytes(), 20u << 20);
  ASSERT_GT(arena.MarkSparse(), 0u);
  std::uint64_t cursor = 0;
  do {
    cursor = keyspace.MoveOffSparsePages(cursor, 100);
  } while (cursor != 0);
  arena.UnmarkSparse();
  EXPECT_LT(arena.FreeSlabBytes(), 2u << 20);
  EXPECT_EQ(keyspace.Memory().Total(), before.Total());
  for (int i = 0; i < kKeys; i += 10) {
    const Entry entry = keyspace.Find(slot_of(i), name_of(i), kNow);
    ASSERT_TRUE(entry);
    ASSERT_EQ(entry.expire_at_ms(), kNow + 60'000 + i);
    ASSERT_EQ(entry.Bytes(), std::string(300, 'v'));
  }
  for (std::int64_t now_ms = kNow; now_ms < kNow + 200'000; now_ms += 100) {
    while (keyspace.ExpireDue(now_ms, 1000).more) continue;
  }
  EXPECT_EQ(keyspace.Size(), 0u);
}

}  // namespace
}  // namespace slotway::storage
