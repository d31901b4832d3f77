// SPDX-License-Identifier: Apache-2.0
#include "storage/types/sorted_set_value.h"

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slotway::storage {
namespace {

using Items = std::vector<std::pair<double, std::string>>;

Items AllOf(const SortedSetTable& table, bool is_descending = false) {
  Items items;
  table.Visit({0, table.ElementCount()}, is_descending, [&](const ScoredMember& item) {
    items.emplace_back(item.score, std::string(item.member));
  });
  return items;
}

TEST(SortedSetTable, AgreesWithAModel) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  RecordArena arena;
  {
    SortedSetTable table(arena, 1);
    std::map<std::string, double> scores;
    std::set<std::pair<double, std::string>> order;
    for (int step = 0; step < 60'000; ++step) {
      std::string member = "member" + std::to_string(random() % 20'000);
      if (random() % 100 == 0) member.resize(random() % 70'000, 'm');
      const auto known = scores.find(member);
      if (random() % 10 < (step / 10'000 % 2 == 0 ? 7u : 3u)) {
        const double score = static_cast<double>(random() % 5000);
        if (known != scores.end()) order.erase({known->second, member});
        table.Set(member, score);
        scores[member] = score;
        order.emplace(score, member);
      } else {
        ASSERT_EQ(table.Delete(member), known != scores.end());
        if (known != scores.end()) {
          order.erase({known->second, member});
          scores.erase(known);
        }
      }
      ASSERT_EQ(table.ElementCount(), scores.size());
      ASSERT_EQ(table.ScoreOf(member).has_value(), scores.contains(member));
      if (step % 1000 == 0 && scores.contains(member)) {
        const auto rank = std::distance(order.begin(), order.find({scores[member], member}));
        ASSERT_EQ(table.RankOf(member), static_cast<std::size_t>(rank));
      }
    }
    EXPECT_EQ(AllOf(table), Items(order.begin(), order.end()));
    EXPECT_EQ(AllOf(table, true), Items(order.rbegin(), order.rend()));
    // All in the arena, but for the directory of a table that has split.
    EXPECT_GE(table.MemoryBytes(), sizeof table + arena.allocated_bytes());
    EXPECT_LE(table.MemoryBytes(), sizeof table + arena.allocated_bytes() + 500);
  }
  EXPECT_EQ(arena.allocated_bytes(), 0u);
}

TEST(SortedSetTable, UpdateDoesWhatIsDecided) {
  RecordArena arena;
  SortedSetTable table(arena, 1);
  const auto leave = [](std::optional<double>) { return std::optional<double>(); };
  const auto add_one = [](std::optional<double> old) { return std::optional(old.value_or(0) + 1); };
  const auto keep = [](std::optional<double> old) { return old; };
  EXPECT_EQ(table.Update("m", leave), ScoreChange::kNone);
  EXPECT_EQ(table.ElementCount(), 0u);
  EXPECT_EQ(table.Update("m", add_one), ScoreChange::kAdded);
  EXPECT_EQ(table.Update("m", add_one), ScoreChange::kUpdated);
  EXPECT_EQ(table.Update("m", keep), ScoreChange::kNone);
  EXPECT_EQ(table.ScoreOf("m"), 2);
}

TEST(SortedSetTable, RanksAreDeletedTogether) {
  RecordArena arena;
  SortedSetTable table(arena, 1);
  for (int i = 0; i < 3000; ++i) table.Set("m" + std::to_string(i), i);
  const RankRange ranks = table.RanksOf(ScoreRange{100, 2900, true, false});
  EXPECT_EQ(ranks.first, 101u);
  EXPECT_EQ(ranks.count, 2800u);
  table.DeleteRanks(ranks);
  EXPECT_EQ(table.ElementCount(), 200u);
  EXPECT_EQ(table.RankOf("m2901"), 101u);
  EXPECT_FALSE(table.ScoreOf("m2900").has_value());
}

TEST(SortedSetTable, ACloneSharesNothing) {
  RecordArena arena;
  SortedSetTable table(arena, 1);
  for (int i = 0; i < 500; ++i) table.Set("m" + std::to_string(i), i % 7);
  const auto clone = table.Clone();
  auto& copy = static_cast<SortedSetTable&>(*clone);
  EXPECT_EQ(AllOf(copy), AllOf(table));
  table.Set("m3", 100);
  EXPECT_EQ(copy.ScoreOf("m3"), 3);
}

TEST(SortedSetTable, AScanSeesEveryMemberThatStays) {
  RecordArena arena;
  SortedSetTable table(arena, 1);
  for (int i = 0; i < 5000; ++i) table.Set("stay" + std::to_string(i), i);
  std::set<std::string> seen;
  std::uint64_t cursor = 0;
  int passing = 0;
  do {
    cursor = table.Scan(cursor, 10, [&](const ScoredMember& item) { seen.emplace(item.member); });
    for (int i = 0; i < 40; ++i) table.Set("passing" + std::to_string(passing++), 1);
  } while (cursor != 0);
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(seen.contains("stay" + std::to_string(i)));
}

TEST(SortedSetTable, IsFreedInPieces) {
  RecordArena arena;
  {
    SortedSetTable table(arena, 1);
    for (int i = 0; i < 10'000; ++i) table.Set("m" + std::to_string(i), i);
    std::size_t bytes = table.MemoryBytes();
    while (table.FreeSome(100) > 0) {
      EXPECT_LE(table.MemoryBytes(), bytes);
      bytes = table.MemoryBytes();
    }
  }
  EXPECT_EQ(arena.allocated_bytes(), 0u);
}

}  // namespace
}  // namespace slotway::storage
