// SPDX-License-Identifier: Apache-2.0
#include "storage/types/set_value.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "storage/types/listpack.h"

namespace slotway::storage {
namespace {

TEST(SetTable, AgreesWithASet) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  RecordArena arena;
  {
    SetTable table(arena, 1);
    std::set<std::string, std::less<>> model;
    for (int step = 0; step < 60'000; ++step) {
      std::string member = std::to_string(random() % 20'000);
      if (random() % 50 == 0) member.resize(250 + random() % 10, 'm');
      if (random() % 500 == 0) member.resize(65'530 + random() % 10, 'm');
      ASSERT_EQ(table.Contains(member), model.contains(member));
      if (random() % 10 < (step / 10'000 % 2 == 0 ? 7u : 3u)) {
        ASSERT_EQ(table.Add(member), model.insert(member).second);
      } else {
        ASSERT_EQ(table.Remove(member), model.erase(member) == 1);
      }
      ASSERT_EQ(table.ElementCount(), model.size());
    }
    std::set<std::string, std::less<>> seen;
    table.ForEach([&](std::string_view member) { seen.emplace(member); });
    EXPECT_EQ(seen, model);
    // All in the arena, but for the directory of a table that has split.
    EXPECT_GE(table.MemoryBytes(), sizeof table + arena.allocated_bytes());
    EXPECT_LE(table.MemoryBytes(), sizeof table + arena.allocated_bytes() + 500);
  }
  EXPECT_EQ(arena.allocated_bytes(), 0u);
}

TEST(SetTable, AScanSeesEveryMemberThatStays) {
  RecordArena arena;
  SetTable table(arena, 1);
  for (int i = 0; i < 5000; ++i) table.Add("stay" + std::to_string(i));
  std::set<std::string> seen;
  std::uint64_t cursor = 0;
  int passing = 0;
  do {
    cursor = table.Scan(cursor, 10, [&](std::string_view member) { seen.emplace(member); });
    for (int i = 0; i < 40; ++i) table.Add("passing" + std::to_string(passing++));
  } while (cursor != 0);
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(seen.contains("stay" + std::to_string(i)));
}

TEST(SetTable, AScanOfWhatDoesNotChangeSeesEachMemberOnce) {
  RecordArena arena;
  for (const int count : {1, 7, 100, 4000, 50'000}) {
    SetTable table(arena, 1);
    for (int i = 0; i < count; ++i) table.Add(std::to_string(i));
    std::map<std::string, int> seen;
    std::uint64_t cursor = 0;
    do {
      cursor = table.Scan(cursor, 1, [&](std::string_view member) { ++seen[std::string(member)]; });
    } while (cursor != 0);
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(count));
    for (const auto& [member, times] : seen) ASSERT_EQ(times, 1) << member;
  }
}

// Members that come in the order of their hashes crowd in few buckets: four times slower.
TEST(SetTable, ACopyHasAnotherOrder) {
  RecordArena arena;
  SetTable table(arena, 1);
  for (int i = 0; i < 100; ++i) table.Add(std::to_string(i));
  const auto copy = table.Clone();
  const auto members_of = [](const SetTable& set) {
    std::vector<std::string> members;
    set.ForEach([&](std::string_view member) { members.emplace_back(member); });
    return members;
  };
  auto ours = members_of(table);
  auto theirs = members_of(static_cast<SetTable&>(*copy));
  EXPECT_NE(ours, theirs);
  std::sort(ours.begin(), ours.end());
  std::sort(theirs.begin(), theirs.end());
  EXPECT_EQ(ours, theirs);
}

TEST(SetListpack, HasNoMemberTwice) {
  const auto is_valid = [](std::initializer_list<std::string_view> members) {
    Listpack listpack;
    for (const std::string_view member : members) listpack.Append(member);
    return IsValidSetListpack(listpack.bytes());
  };
  EXPECT_TRUE(is_valid({}));
  EXPECT_TRUE(is_valid({"a", "1", "b"}));
  EXPECT_FALSE(is_valid({"a", "1", "a"}));
  EXPECT_FALSE(is_valid({"12", "b", "12"}));
  EXPECT_FALSE(IsValidSetListpack("x"));
}

}  // namespace
}  // namespace slotway::storage
