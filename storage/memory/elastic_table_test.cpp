// SPDX-License-Identifier: Apache-2.0
#include "storage/memory/elastic_table.h"
#include "storage/memory/elastic_table_draws.h"

#include <map>
#include <random>
#include <set>
#include <string>
#include <unordered_map>

namespace slotway::storage {
namespace {

// Items are eight bytes in the arena that hold their own hash.
class ElasticTableTest : public ::testing::Test {
 protected:
  std::uint64_t HashOf(ArenaRef ref) const {
    std::uint64_t hash;
    std::memcpy(&hash, arena_.At(ref), sizeof hash);
    return hash;
  }
  auto Hasher() const {
    return [this](ArenaRef ref) { return HashOf(ref); };
  }
  Spot Find(std::uint64_t hash) const {
    return table_.Find(hash, [&](ArenaRef ref) { return HashOf(ref) == hash; });
  }
  void Insert(std::uint64_t hash) {
    std::byte* item = arena_.Allocate(8);
    std::memcpy(item, &hash, sizeof hash);
    const Spot spot = table_.Insert(memory_, hash, arena_.RefOf(item), Hasher());
    ASSERT_EQ(HashOf(spot.ref()), hash);
  }
  void Erase(std::uint64_t hash) {
    const Spot spot = Find(hash);
    ASSERT_TRUE(spot);
    std::byte* item = arena_.At(spot.ref());
    table_.Erase(memory_, hash, spot, Hasher());
    arena_.Free(item);
  }
  void EraseAll() {
    std::vector<std::uint64_t> hashes;
    table_.ForEach([&](Spot spot) { hashes.push_back(HashOf(spot.ref())); });
    for (std::uint64_t hash : hashes) Erase(hash);
  }
  ~ElasticTableTest() override {
    EraseAll();
    EXPECT_EQ(memory_.index_bytes, 0u);
    EXPECT_EQ(arena_.allocated_bytes(), 0u);
  }

  RecordArena arena_;
  TableMemory memory_{arena_};
  ElasticTable table_;
};

// Spreads over one bucket when narrow, over the whole range when wide.
struct HashShape {
  const char* name;
  int kept_bits;  // low bits of the hash that vary; the rest is zero
};

class ElasticTableModel : public ElasticTableTest,
                          public ::testing::WithParamInterface<HashShape> {};

TEST_P(ElasticTableModel, AgreesWithASetWhileGrowingAndShrinking) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const int bits = GetParam().kept_bits;
  std::set<std::uint64_t> model;
  for (int phase = 0; phase < 6; ++phase) {
    const int inserts_in_ten = phase % 2 == 0 ? 8 : 2;
    for (int step = 0; step < 4000; ++step) {
      const std::uint64_t hash = random() << (64 - bits) >> (64 - bits) | 1;
      if (static_cast<int>(random() % 10) < inserts_in_ten) {
        if (model.insert(hash).second) Insert(hash);
      } else if (!model.empty()) {
        auto victim = model.lower_bound(hash);
        if (victim == model.end()) victim = model.begin();
        Erase(*victim);
        model.erase(victim);
      }
      ASSERT_EQ(table_.size(), model.size());
      ASSERT_EQ(static_cast<bool>(Find(hash)), model.contains(hash));
    }
    std::set<std::uint64_t> seen;
    table_.ForEach([&](Spot spot) { EXPECT_TRUE(seen.insert(HashOf(spot.ref())).second); });
    ASSERT_EQ(seen, model);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, ElasticTableModel,
                         ::testing::Values(HashShape{"Wide", 64}, HashShape{"OneTag", 40},
                                           HashShape{"FewTags", 50}),
                         [](const auto& shape) { return std::string(shape.param.name); });

TEST_F(ElasticTableTest, ManyEntriesSplitIntoPartsAndCollapseWhenTheyGo) {
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> hashes;
  for (int i = 0; i < 200'000; ++i) {
    hashes.push_back(random());
    Insert(hashes.back());
  }
  EXPECT_LT(static_cast<double>(memory_.index_bytes) / 200'000, 10.0);
  for (std::uint64_t hash : hashes) ASSERT_TRUE(Find(hash));
  while (hashes.size() > 100) {
    Erase(hashes.back());
    hashes.pop_back();
  }
  EXPECT_LT(memory_.index_bytes, 2048u);
  for (std::uint64_t hash : hashes) ASSERT_TRUE(Find(hash));
}

TEST_F(ElasticTableTest, AScanVisitsAllThatStaysWhileTheRestComesAndGoes) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const int stay_count : {5, 100, 3000, 20'000}) {
    std::set<std::uint64_t> stay;
    while (static_cast<int>(stay.size()) < stay_count) stay.insert(random());
    for (std::uint64_t hash : stay) Insert(hash);
    std::vector<std::uint64_t> passing;
    bool growing = true;
    std::set<std::uint64_t> seen;
    std::uint64_t position = 0;
    while (position < ElasticTable::kPositionEnd) {
      const std::uint64_t before = position;
      position = table_.VisitFrom(position, [&](Spot spot) { seen.insert(HashOf(spot.ref())); });
      ASSERT_GT(position, before);
      for (int i = 0; i < 40; ++i) {
        if (growing) {
          passing.push_back(random());
          Insert(passing.back());
          growing = passing.size() < static_cast<std::size_t>(stay_count) * 3 + 20;
        } else {
          Erase(passing.back());
          passing.pop_back();
          growing = passing.empty();
        }
      }
    }
    for (std::uint64_t hash : stay) ASSERT_TRUE(seen.contains(hash));
    EraseAll();
  }
}

TEST_F(ElasticTableTest, ARangeVisitFindsEveryEntryOfTheRange) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 30'000; ++i) Insert(random());
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t first = random() >> 32;
    const std::uint64_t end =
        std::min(first + (random() >> (33 + random() % 30)) + 1, ElasticTable::kPositionEnd);
    std::set<std::uint64_t> wanted;
    table_.ForEach([&](Spot spot) {
      const std::uint64_t hash = HashOf(spot.ref());
      if (ElasticTable::PositionOf(hash) >= first && ElasticTable::PositionOf(hash) < end) {
        wanted.insert(hash);
      }
    });
    table_.VisitRange(first, end, [&](Spot spot) { wanted.erase(HashOf(spot.ref())); });
    ASSERT_TRUE(wanted.empty());
  }
}

TEST_F(ElasticTableTest, RandomSpotsAreUniform) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 5000; ++i) Insert(random());
  std::map<std::uint64_t, int> hits;
  for (int i = 0; i < 500'000; ++i) ++hits[HashOf(table_.RandomSpot(random).ref())];
  EXPECT_EQ(hits.size(), 5000u);
  for (const auto& [hash, count] : hits) {
    EXPECT_GT(count, 40);
    EXPECT_LT(count, 190);
  }
}

}  // namespace
}  // namespace slotway::storage
