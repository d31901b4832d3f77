// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/hash_handle.h"

#include <functional>
#include <map>
#include <random>
#include <string>

#include "storage/engine/test_constants.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {
namespace {

constexpr HashLimits kHashLimits;

class HashHandleTest : public ::testing::Test {
 protected:
  HashHandle Open() { return {keyspace_, keyspace_.Find(kSlot, "h", kNow)}; }
  std::map<std::string, std::string> All() {
    std::map<std::string, std::string> all;
    Open().ForEach(
        [&](std::string_view field, std::string_view value) { all.emplace(field, value); });
    return all;
  }

  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 1}};
};

TEST_F(HashHandleTest, AgreesWithAMapAcrossTheConversion) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const int fields : {20, 2000}) {
    HashHandle::Create(keyspace_, {kSlot, "h"}, kNow);
    std::map<std::string, std::string> model;
    for (int step = 0; step < 20'000; ++step) {
      const std::string field = std::to_string(random() % static_cast<unsigned>(fields));
      HashHandle hash = Open();
      if (random() % 3 == 0) {
        ASSERT_EQ(hash.Delete(field), model.erase(field) == 1);
      } else {
        const std::string value =
            random() % 2 == 0 ? std::to_string(random()) : std::string(random() % 64, 'v');
        ASSERT_EQ(hash.Set(field, value, kHashLimits), !model.contains(field));
        model[field] = value;
      }
      ASSERT_EQ(hash.Size(), model.size());
      const auto wanted = model.find(field);
      const auto found = hash.Get(field);
      ASSERT_EQ(found.has_value(), wanted != model.end());
      if (found) {
        ASSERT_EQ(*found, wanted->second);
      }
    }
    EXPECT_EQ(All(), model);
    EXPECT_EQ(Open().entry().encoding(), fields == 20 ? Encoding::kListpack : Encoding::kHashtable);
    while (keyspace_.FreeFlushed(1000)) {
    }
    const KeyspaceMemory memory = keyspace_.Memory();
    EXPECT_EQ(keyspace_.BytesOfSlot(kSlot), memory.record_bytes + memory.object_bytes);
  }
  EXPECT_EQ(keyspace_.SizeOfType(ValueType::kHash), 1u);
  EXPECT_TRUE(keyspace_.Delete(kSlot, "h", kNow));
  EXPECT_EQ(keyspace_.BytesOfSlot(kSlot), 0u);
  int calls = 0;
  while (keyspace_.FreeFlushed(100)) ++calls;
  EXPECT_GE(calls, 5);  // a large value goes piece by piece
  EXPECT_EQ(keyspace_.Memory().object_bytes, 0u);
  EXPECT_EQ(arena_.allocated_bytes(), 0u);
}

TEST_F(HashHandleTest, ConvertsWhenALimitIsPassed) {
  HashHandle::Create(keyspace_, {kSlot, "h"}, kNow);
  for (int i = 0; i < 128; ++i) Open().Set("f" + std::to_string(i), "v", kHashLimits);
  EXPECT_EQ(Open().entry().encoding(), Encoding::kListpack);
  Open().Set("f0", "other", kHashLimits);
  EXPECT_EQ(Open().entry().encoding(), Encoding::kListpack);
  Open().Set("f128", "v", kHashLimits);
  EXPECT_EQ(Open().entry().encoding(), Encoding::kHashtable);

  for (const bool is_long_field : {false, true}) {
    HashHandle hash = HashHandle::Create(keyspace_, {kSlot, "h"}, kNow);
    hash.Set("f", std::string(64, 'v'), kHashLimits);
    EXPECT_EQ(hash.entry().encoding(), Encoding::kListpack);
    hash.Set(is_long_field ? std::string(65, 'f') : "f", std::string(65, 'v'), kHashLimits);
    EXPECT_EQ(hash.entry().encoding(), Encoding::kHashtable);
    EXPECT_EQ(hash.Get("f"), std::string(is_long_field ? 64 : 65, 'v'));
  }
}

TEST_F(HashHandleTest, KeepsItsTtlThroughEveryChange) {
  HashHandle::Create(keyspace_, {kSlot, "h"}, kNow);
  keyspace_.SetExpiry(keyspace_.Find(kSlot, "h", kNow), kNow + 77);
  for (int i = 0; i < 200; ++i) Open().Set("f" + std::to_string(i), "v", kHashLimits);
  EXPECT_EQ(Open().entry().expire_at_ms(), kNow + 77);
  keyspace_.ExpireDue(kNow + 200, 1000);
  while (keyspace_.FreeFlushed(1000)) {
  }
  EXPECT_EQ(arena_.allocated_bytes(), 0u);
}

TEST_F(HashHandleTest, ScansAndDrawsFromBothEncodings) {
  for (const int fields : {10, 1000}) {
    HashHandle hash = HashHandle::Create(keyspace_, {kSlot, "h"}, kNow);
    for (int i = 0; i < fields; ++i) hash.Set(std::to_string(i), "v", kHashLimits);
    std::map<std::string, int> seen;
    std::uint64_t cursor = 0;
    do {
      cursor = hash.Scan(cursor, 10, [&](std::string_view field, std::string_view) {
        ++seen[std::string(field)];
      });
    } while (cursor != 0);
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(fields));

    std::mt19937_64 random(4);
    std::map<std::string, int> drawn;
    for (int i = 0; i < fields * 100; ++i) {
      hash.RandomField(
          random(), [&](std::string_view field, std::string_view) { ++drawn[std::string(field)]; });
    }
    EXPECT_EQ(drawn.size(), static_cast<std::size_t>(fields));
    for (const auto& [field, count] : drawn) {
      EXPECT_GT(count, 40);
      EXPECT_LT(count, 180);
    }
  }
}

TEST_F(HashHandleTest, DrawsDifferentFieldsFromBothEncodings) {
  for (const int fields : {20, 1000}) {
    HashHandle hash = HashHandle::Create(keyspace_, {kSlot, "h"}, kNow);
    for (int i = 0; i < fields; ++i) hash.Set(std::to_string(i), "v", kHashLimits);
    std::mt19937_64 random(4);
    for (const int count : {1, fields / 4, fields / 2, fields}) {
      std::map<std::string, int> drawn;
      for (int repeat = 0; repeat < 100 * fields / count; ++repeat) {
        std::map<std::string, int> once;
        hash.RandomDistinctFields(static_cast<std::size_t>(count), std::ref(random),
                                  [&](std::string_view field, std::string_view) {
                                    ++once[std::string(field)];
                                    ++drawn[std::string(field)];
                                  });
        ASSERT_EQ(once.size(), static_cast<std::size_t>(count));
      }
      EXPECT_EQ(drawn.size(), static_cast<std::size_t>(fields));
      for (const auto& [field, times] : drawn) {
        EXPECT_GT(times, 40);
        EXPECT_LT(times, 180);
      }
    }
  }
}

}  // namespace
}  // namespace slotway::storage
