// SPDX-License-Identifier: Apache-2.0
#include "storage/types/order_index.h"

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slotway::storage {
namespace {

class Model {
 public:
  ~Model() {
    for (const auto& [member, ref] : refs_) arena_.Free(arena_.At(ref));
  }

  void Insert(double score, const std::string& member) {
    std::byte* memory = arena_.Allocate(SortedSetMember::BytesFor(member));
    SortedSetMember(memory).Format(score, member);
    refs_[member] = arena_.RefOf(memory);
    if (!order.empty() && std::pair(score, member) > *order.rbegin()) {
      index.Append(refs_[member]);
    } else {
      index.Insert(refs_[member]);
    }
    order.emplace(score, member);
  }
  void Erase(const std::string& member) {
    const ArenaRef ref = refs_.at(member);
    index.Erase(ref);
    order.erase({ScoreOf(member), member});
    refs_.erase(member);
    arena_.Free(arena_.At(ref));
  }
  void Change(const std::string& member, double score) {
    order.erase({ScoreOf(member), member});
    index.ChangeScore(refs_.at(member), score);
    order.emplace(score, member);
  }
  double ScoreOf(const std::string& member) const {
    return SortedSetMember(arena_, refs_.at(member)).Score();
  }
  bool Has(const std::string& member) const { return refs_.contains(member); }

  void ExpectEqual() const {
    ASSERT_EQ(index.size(), order.size());
    if (order.empty()) {
      EXPECT_EQ(index.MemoryBytes(), 0u);
      return;
    }
    OrderIndex::Cursor forward = index.At(0);
    std::size_t rank = 0;
    for (const auto& [score, member] : order) {
      ASSERT_EQ((*forward).Score(), score);
      ASSERT_EQ((*forward).Text(), member);
      if (rank % 97 == 0) {
        ASSERT_EQ(index.RankOf({score, member}), rank);
        ASSERT_EQ((*index.At(rank)).Text(), member);
      }
      if (++rank < order.size()) forward.Advance();
    }
    OrderIndex::Cursor backward = index.At(order.size() - 1);
    for (auto at = order.rbegin(); at != order.rend(); ++at) {
      ASSERT_EQ((*backward).Text(), at->second);
      if (std::next(at) != order.rend()) backward.Retreat();
    }
  }
  std::size_t CountBelow(double cut, bool or_equal) const {
    std::size_t count = 0;
    for (const auto& [score, member] : order) count += or_equal ? score <= cut : score < cut;
    return count;
  }

 private:
  RecordArena arena_;
  std::map<std::string, ArenaRef> refs_;

 public:
  OrderIndex index{arena_};
  std::set<std::pair<double, std::string>> order;
};

double RandomScore(std::mt19937_64& random) {
  const double inf = std::numeric_limits<double>::infinity();
  switch (random() % 8) {
    case 0:
      return static_cast<double>(random() % 5);  // many equal ones
    case 1:
      return -static_cast<double>(random() % 1000) / 7;
    case 2:  // differ in the lower half only
      return 1.7e12 + static_cast<double>(random() % 1000);
    case 3:
      return random() % 2 == 0 ? inf : -inf;
    case 4:
      return random() % 2 == 0 ? 0.0 : -0.0;
    default:
      return static_cast<double>(random() % 100'000);
  }
}

TEST(OrderIndex, AgreesWithASetUnderRandomChanges) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Model model;
  for (int step = 0; step < 120'000; ++step) {
    const std::string member = "m" + std::to_string(random() % 30'000);
    // It grows, shrinks to little and grows again.
    const bool grows = step / 30'000 % 2 == 0;
    if (!model.Has(member)) {
      if (grows || random() % 8 == 0) model.Insert(RandomScore(random), member);
    } else if (random() % 3 == 0) {
      const double near = model.ScoreOf(member) + static_cast<double>(random() % 3);
      model.Change(member, random() % 2 == 0 ? near : RandomScore(random));
    } else if (!grows || random() % 4 == 0) {
      model.Erase(member);
    }
    if (step % 10'000 == 0) model.ExpectEqual();
    if (step % 100 == 0) {
      const ScoreRange range{RandomScore(random), RandomScore(random), random() % 2 == 0,
                             random() % 2 == 0};
      const std::size_t first = model.CountBelow(range.min, range.excludes_min);
      const std::size_t end = model.CountBelow(range.max, !range.excludes_max);
      const RankRange ranks = model.index.RanksOf(range);
      ASSERT_EQ(ranks.first, first);
      ASSERT_EQ(ranks.End(), std::max(first, end));
    }
  }
  model.ExpectEqual();
  while (!model.order.empty()) model.Erase(std::string(model.order.begin()->second));
  model.ExpectEqual();
}

TEST(OrderIndex, QueuesFromEitherEndStayCompact) {
  for (const bool pops_first : {true, false}) {
    Model model;
    int next = 0;
    const auto push = [&] {
      ++next;
      model.Insert(pops_first ? next : -next, "m" + std::to_string(next));
    };
    while (model.order.size() < 5000) push();
    const std::size_t bytes = model.index.MemoryBytes();
    for (int i = 0; i < 50'000; ++i) {
      push();
      model.Erase(
          std::string(pops_first ? model.order.begin()->second : model.order.rbegin()->second));
    }
    model.ExpectEqual();
    EXPECT_LE(model.index.MemoryBytes(), bytes + bytes / 4);
  }
}

TEST(OrderIndex, MembersInEitherOrderFillTheLeaves) {
  for (const int direction : {1, -1}) {
    Model model;
    for (int i = 0; i < 61 * 61 * 4; ++i) model.Insert(direction * i, "m" + std::to_string(i));
    EXPECT_LT(static_cast<double>(model.index.MemoryBytes()),
              10.5 * static_cast<double>(model.order.size()));
    model.ExpectEqual();
  }
}

TEST(OrderIndex, LexicalRanges) {
  Model model;
  for (int i = 1000; i < 3000; ++i) model.Insert(0, std::to_string(i));
  using enum LexRange::Kind;
  const auto ranks = [&](LexRange::Bound min, LexRange::Bound max) {
    const RankRange range = model.index.RanksOf(LexRange{min, max});
    return std::pair(range.first, range.count);
  };
  EXPECT_EQ(ranks({kLowest}, {kHighest}), std::pair(0ul, 2000ul));
  EXPECT_EQ(ranks({kHighest}, {kLowest}), std::pair(2000ul, 0ul));
  EXPECT_EQ(ranks({kIncluded, "2000"}, {kIncluded, "2009"}), std::pair(1000ul, 10ul));
  EXPECT_EQ(ranks({kExcluded, "2000"}, {kExcluded, "2009"}), std::pair(1001ul, 8ul));
  EXPECT_EQ(ranks({kIncluded, "2"}, {kExcluded, "3"}), std::pair(1000ul, 1000ul));
  EXPECT_EQ(ranks({kIncluded, "2009"}, {kIncluded, "2000"}).second, 0ul);
}

TEST(OrderIndex, IsFreedInPieces) {
  RecordArena arena;
  std::vector<std::byte*> members;
  {
    OrderIndex index(arena);
    for (int i = 0; i < 10'000; ++i) {
      const std::string text = std::to_string(i);
      members.push_back(arena.Allocate(SortedSetMember::BytesFor(text)));
      SortedSetMember(members.back()).Format(i % 100, text);
      index.Insert(arena.RefOf(members.back()));
    }
    std::size_t freed = 0;
    while (const std::size_t piece = index.FreeSome(100)) {
      EXPECT_LE(piece, 200u);
      freed += piece;
    }
    EXPECT_EQ(freed, 10'000u);
  }
  for (std::byte* member : members) arena.Free(member);
  EXPECT_EQ(arena.allocated_bytes(), 0u);
}

}  // namespace
}  // namespace slotway::storage
