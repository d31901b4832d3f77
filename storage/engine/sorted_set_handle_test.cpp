// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/sorted_set_handle.h"

#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/engine/test_constants.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {
namespace {

constexpr SortedSetLimits kSortedSetLimits;

class SortedSetHandleTest : public ::testing::Test {
 protected:
  SortedSetHandle Open() { return {keyspace_, keyspace_.Find(kSlot, "z", kNow)}; }
  static ScoreChange Set(SortedSetHandle& set, const std::string& member, double score,
                         const SortedSetLimits& limits = kSortedSetLimits) {
    return set.Update(member, limits,
                      [score](std::optional<double>) { return std::optional(score); });
  }
  std::vector<std::pair<double, std::string>> All(bool is_descending) {
    std::vector<std::pair<double, std::string>> all;
    const SortedSetHandle set = Open();
    set.Visit({0, set.Size()}, is_descending, [&](const ScoredMember& item) {
      all.emplace_back(item.score, std::string(item.member));
    });
    return all;
  }

  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 1}};
};

TEST_F(SortedSetHandleTest, AgreesWithAModelInBothEncodings) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const unsigned members : {20u, 2000u}) {
    SortedSetHandle::Create(keyspace_, {kSlot, "z"}, kNow);
    std::map<std::string, double> scores;
    std::set<std::pair<double, std::string>> order;
    for (int step = 0; step < 20'000; ++step) {
      const std::string member = std::to_string(random() % members);
      SortedSetHandle set = Open();
      if (scores.contains(member)) order.erase({scores[member], member});
      if (random() % 3 == 0) {
        ASSERT_EQ(set.Delete(member), scores.erase(member) == 1);
      } else {
        const double score = static_cast<double>(random() % 100) / 4;
        const ScoreChange expected = !scores.contains(member)  ? ScoreChange::kAdded
                                     : scores[member] == score ? ScoreChange::kNone
                                                               : ScoreChange::kUpdated;
        ASSERT_EQ(Set(set, member, score), expected);
        scores[member] = score;
        order.emplace(score, member);
      }
      ASSERT_EQ(set.Size(), scores.size());
      const auto rank = set.RankOf(member);
      ASSERT_EQ(rank.has_value(), scores.contains(member));
      if (rank) {
        ASSERT_EQ(set.ScoreOf(member), scores[member]);
        const auto at = order.find({scores[member], member});
        ASSERT_EQ(*rank, static_cast<std::size_t>(std::distance(order.begin(), at)));
      }
      const ScoreRange range{.min = static_cast<double>(random() % 25),
                             .max = static_cast<double>(random() % 25)};
      const std::size_t first = std::count_if(
          order.begin(), order.end(), [&](const auto& item) { return item.first < range.min; });
      const std::size_t end = std::count_if(
          order.begin(), order.end(), [&](const auto& item) { return item.first <= range.max; });
      ASSERT_EQ(set.RanksOf(range).first, first);
      ASSERT_EQ(set.RanksOf(range).count, std::max(first, end) - first);
    }
    EXPECT_EQ(All(false), decltype(All(false))(order.begin(), order.end()));
    EXPECT_EQ(All(true), decltype(All(true))(order.rbegin(), order.rend()));
    EXPECT_EQ(Open().entry().encoding(), members == 20 ? Encoding::kListpack : Encoding::kSkiplist);
  }
  keyspace_.Delete(kSlot, "z", kNow);
  while (keyspace_.FreeFlushed(1000)) {
  }
  EXPECT_EQ(keyspace_.Memory().object_bytes, 0u);
  EXPECT_EQ(keyspace_.BytesOfSlot(kSlot), 0u);
}

TEST_F(SortedSetHandleTest, EncodingFollowsTheLimitsAndNeverComesBack) {
  const SortedSetLimits limits{.listpack_entries_max = 3, .listpack_value_bytes_max = 5};
  SortedSetHandle set = SortedSetHandle::Create(keyspace_, {kSlot, "z"}, kNow);
  for (const char* member : {"a", "b", "c"}) Set(set, member, 1, limits);
  Set(set, "a", 5, limits);
  EXPECT_EQ(set.entry().encoding(), Encoding::kListpack);
  Set(set, "d", 1, limits);
  EXPECT_EQ(set.entry().encoding(), Encoding::kSkiplist);
  set.DeleteRanks({0, 3});
  EXPECT_EQ(set.Size(), 1u);
  EXPECT_EQ(set.entry().encoding(), Encoding::kSkiplist);

  set = SortedSetHandle::Create(keyspace_, {kSlot, "z"}, kNow);
  Set(set, "longer", 1, limits);
  EXPECT_EQ(set.entry().encoding(), Encoding::kSkiplist);
}

TEST_F(SortedSetHandleTest, AResultIsStoredInTheEncodingForItsSize) {
  const SortedSetLimits limits{.listpack_entries_max = 3, .listpack_value_bytes_max = 5};
  const auto stored = [&](std::initializer_list<const char*> members) {
    auto table = std::make_unique<SortedSetTable>(arena_, 1);
    double score = 100;
    for (const char* member : members) table->Set(member, --score);
    SortedSetHandle::Store(keyspace_, {kSlot, "z"}, std::move(table), limits, kNow);
    EXPECT_EQ(Open().Size(), members.size());
    EXPECT_EQ(Open().RankOf(*members.begin()), members.size() - 1);
    return Open().entry().encoding();
  };
  EXPECT_EQ(stored({"a", "b", "c"}), Encoding::kListpack);
  EXPECT_EQ(stored({"a", "b", "c", "d"}), Encoding::kSkiplist);
  EXPECT_EQ(stored({"a", "longer"}), Encoding::kSkiplist);
}

}  // namespace
}  // namespace slotway::storage
