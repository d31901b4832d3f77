// SPDX-License-Identifier: Apache-2.0
#include "storage/types/hash_value.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "storage/types/listpack.h"

namespace slotway::storage {
namespace {

TEST(HashTable, AgreesWithAMap) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  RecordArena arena;
  {
    HashTable table(arena, 1);
    std::map<std::string, std::string> model;
    for (int step = 0; step < 60'000; ++step) {
      const std::string field = "field" + std::to_string(random() % 20'000);
      if (random() % 10 < (step / 10'000 % 2 == 0 ? 7u : 3u)) {
        const std::string value(random() % 50 == 0 ? random() % 70'000 : random() % 30, 'v');
        ASSERT_EQ(table.Set(field, value), !model.contains(field));
        model[field] = value;
      } else {
        ASSERT_EQ(table.Delete(field), model.erase(field) == 1);
      }
      ASSERT_EQ(table.ElementCount(), model.size());
      const auto wanted = model.find(field);
      const auto found = table.Get(field);
      ASSERT_EQ(found.has_value(), wanted != model.end());
      if (found) {
        ASSERT_EQ(*found, wanted->second);
      }
    }
    std::map<std::string, std::string> seen;
    table.ForEach(
        [&](std::string_view field, std::string_view value) { seen.emplace(field, value); });
    EXPECT_EQ(seen, model);
    // All in the arena, but for the directory of a table that has split.
    EXPECT_GE(table.MemoryBytes(), sizeof table + arena.allocated_bytes());
    EXPECT_LE(table.MemoryBytes(), sizeof table + arena.allocated_bytes() + 500);
  }
  EXPECT_EQ(arena.allocated_bytes(), 0u);
}

TEST(HashTable, AScanSeesEveryFieldThatStays) {
  RecordArena arena;
  HashTable table(arena, 1);
  for (int i = 0; i < 5000; ++i) table.Set("stay" + std::to_string(i), "v");
  std::set<std::string> seen;
  std::uint64_t cursor = 0;
  int passing = 0;
  do {
    cursor = table.Scan(cursor, 10,
                        [&](std::string_view field, std::string_view) { seen.emplace(field); });
    for (int i = 0; i < 40; ++i) table.Set("passing" + std::to_string(passing++), "v");
  } while (cursor != 0);
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(seen.contains("stay" + std::to_string(i)));
}

// Fields that come in the order of their hashes crowd in few buckets: four times slower.
TEST(HashTable, ACopyHasAnotherOrder) {
  RecordArena arena;
  HashTable table(arena, 1);
  for (int i = 0; i < 100; ++i) table.Set(std::to_string(i), "v");
  const auto copy = table.Clone();
  const auto fields_of = [](const HashTable& hash) {
    std::vector<std::string> fields;
    hash.ForEach([&](std::string_view field, std::string_view) { fields.emplace_back(field); });
    return fields;
  };
  auto ours = fields_of(table);
  auto theirs = fields_of(static_cast<HashTable&>(*copy));
  EXPECT_NE(ours, theirs);
  std::sort(ours.begin(), ours.end());
  std::sort(theirs.begin(), theirs.end());
  EXPECT_EQ(ours, theirs);
}

TEST(HashListpack, MustHaveValuesAndNoFieldTwice) {
  const auto is_valid = [](std::initializer_list<std::string_view> elements) {
    Listpack listpack;
    for (const std::string_view element : elements) listpack.Append(element);
    return IsValidHashListpack(listpack.bytes());
  };
  EXPECT_TRUE(is_valid({}));
  EXPECT_TRUE(is_valid({"a", "1", "b", "1"}));
  EXPECT_FALSE(is_valid({"a"}));
  EXPECT_FALSE(is_valid({"a", "1", "a", "2"}));
  EXPECT_FALSE(is_valid({"12", "1", "12", "2"}));
}

}  // namespace
}  // namespace slotway::storage
