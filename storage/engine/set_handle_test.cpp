// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/set_handle.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "storage/engine/test_constants.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {
namespace {

constexpr SetLimits kSetLimits;

using Members = std::set<std::string>;

class SetHandleTest : public ::testing::Test {
 protected:
  SetHandle Open() { return {keyspace_, keyspace_.Find(kSlot, "s", kNow)}; }
  SetHandle New(const Members& members) {
    SetHandle set = SetHandle::Create(keyspace_, {kSlot, "s"}, kNow);
    for (const std::string& member : members) set.Add(member, kSetLimits);
    return set;
  }
  Members All() {
    Members all;
    Open().ForEach([&](std::string_view member) { all.emplace(member); });
    return all;
  }
  Encoding EncodingNow() { return Open().entry().encoding(); }

  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 1}};
};

struct Shape {
  int members;
  bool are_numbers;
  Encoding encoding;
};
constexpr Shape kShapes[] = {{60, true, Encoding::kIntset},
                             {60, false, Encoding::kListpack},
                             {3000, false, Encoding::kHashtable}};

std::string MemberOf(const Shape& shape, std::uint64_t number) {
  return (shape.are_numbers ? "" : "m") + std::to_string(number);
}

TEST_F(SetHandleTest, AgreesWithASet) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const Shape& shape : kShapes) {
    SetHandle::Create(keyspace_, {kSlot, "s"}, kNow);
    Members model;
    for (int step = 0; step < 20'000; ++step) {
      std::string member = MemberOf(shape, random() % static_cast<unsigned>(shape.members));
      // Numbers of every width, of both signs.
      if (shape.are_numbers && random() % 2 == 0) {
        member = std::to_string((static_cast<std::int64_t>(random() % 20) - 10) *
                                (std::int64_t{1} << random() % 60));
      }
      SetHandle set = Open();
      if (random() % 3 == 0) {
        ASSERT_EQ(set.Remove(member), model.erase(member) == 1);
      } else {
        ASSERT_EQ(set.Add(member, {.intset_entries_max = 2000}), model.insert(member).second);
      }
      ASSERT_EQ(set.Size(), model.size());
      ASSERT_EQ(set.Contains(member), model.contains(member));
    }
    EXPECT_EQ(All(), model);
    EXPECT_EQ(EncodingNow(), shape.encoding);
    while (keyspace_.FreeFlushed(1000)) {
    }
    const KeyspaceMemory memory = keyspace_.Memory();
    EXPECT_EQ(keyspace_.BytesOfSlot(kSlot), memory.record_bytes + memory.object_bytes);
  }
  EXPECT_EQ(keyspace_.SizeOfType(ValueType::kSet), 1u);
  EXPECT_TRUE(keyspace_.Delete(kSlot, "s", kNow));
  while (keyspace_.FreeFlushed(1000)) {
  }
  EXPECT_EQ(arena_.allocated_bytes(), 0u);
}

TEST_F(SetHandleTest, ConvertsWhenALimitIsPassed) {
  Members numbers;
  for (int i = 0; i < 512; ++i) numbers.insert(std::to_string(i));
  New(numbers);
  EXPECT_EQ(EncodingNow(), Encoding::kIntset);
  Open().Add("511", kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kIntset);
  Open().Add("512", kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kHashtable);
  numbers.insert("512");
  EXPECT_EQ(All(), numbers);

  New({"1", "2"}).Add("01", kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kListpack);
  EXPECT_EQ(All(), (Members{"1", "2", "01"}));
  for (int i = 0; i < 125; ++i) Open().Add("m" + std::to_string(i), kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kListpack);
  Open().Add("m0", kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kListpack);
  Open().Add("m125", kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kHashtable);
  EXPECT_EQ(Open().Size(), 129u);
}

TEST_F(SetHandleTest, ConvertsForALongMember) {
  New({"m"}).Add(std::string(64, 'x'), kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kListpack);
  Open().Add(std::string(65, 'x'), kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kHashtable);
  New({"1"}).Add(std::string(65, 'x'), kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kHashtable);
  // Numbers are members like others once they stand in a listpack.
  New({"-1234"}).Add("m", {.listpack_value_bytes_max = 4});
  EXPECT_EQ(EncodingNow(), Encoding::kHashtable);
}

TEST_F(SetHandleTest, ManyIntegersAndATextAreATable) {
  Members numbers;
  for (int i = 0; i < 127; ++i) numbers.insert(std::to_string(i));
  New(numbers).Add("m", kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kListpack);
  numbers.insert("128");
  New(numbers).Add("m", kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kHashtable);
  EXPECT_TRUE(Open().Contains("m"));
  EXPECT_TRUE(Open().Contains("126"));
}

TEST_F(SetHandleTest, ExpectsWhatIsToCome) {
  const auto encoding_for = [this](std::size_t count, std::string_view first) {
    SetHandle set = SetHandle::Create(keyspace_, {kSlot, "s"}, kNow);
    set.Expect(count, first, kSetLimits);
    return set.entry().encoding();
  };
  EXPECT_EQ(encoding_for(512, "1"), Encoding::kIntset);
  EXPECT_EQ(encoding_for(513, "1"), Encoding::kHashtable);
  EXPECT_EQ(encoding_for(128, "m"), Encoding::kListpack);
  EXPECT_EQ(encoding_for(129, "m"), Encoding::kHashtable);
  SetHandle set = New({"1"});
  set.Expect(512, "m", kSetLimits);
  EXPECT_EQ(set.entry().encoding(), Encoding::kIntset);
  set.Expect(513, "m", kSetLimits);
  EXPECT_EQ(set.entry().encoding(), Encoding::kHashtable);
}

TEST_F(SetHandleTest, StoresInTheEncodingThatSuits) {
  const auto store = [this](const Members& members) {
    auto table = std::make_unique<SetTable>(keyspace_.arena(), keyspace_.hash_seed());
    for (const std::string& member : members) table->Add(member);
    SetHandle::Store(keyspace_, {kSlot, "s"}, std::move(table), kSetLimits, kNow);
    EXPECT_EQ(All(), members);
    return EncodingNow();
  };
  EXPECT_EQ(store({"-5", "70000", "1", "9223372036854775807"}), Encoding::kIntset);
  EXPECT_EQ(store({"1", "01"}), Encoding::kListpack);
  EXPECT_EQ(store({"1", std::string(65, 'x')}), Encoding::kHashtable);
  Members many;
  for (int i = 0; i < 600; ++i) many.insert(std::to_string(i));
  EXPECT_EQ(store(many), Encoding::kHashtable);
}

TEST_F(SetHandleTest, KeepsItsTtlThroughEveryChange) {
  SetHandle::Create(keyspace_, {kSlot, "s"}, kNow);
  keyspace_.SetExpiry(keyspace_.Find(kSlot, "s", kNow), kNow + 77);
  for (int i = 0; i < 100; ++i) Open().Add(std::to_string(i * 1000), kSetLimits);
  for (int i = 0; i < 100; ++i) Open().Add("m" + std::to_string(i), kSetLimits);
  EXPECT_EQ(EncodingNow(), Encoding::kHashtable);
  EXPECT_EQ(Open().entry().expire_at_ms(), kNow + 77);
}

TEST_F(SetHandleTest, ScansAndVisitsEveryEncoding) {
  for (const Shape& shape : kShapes) {
    Members members;
    for (int i = 0; i < shape.members; ++i) {
      members.insert(MemberOf(shape, static_cast<unsigned>(i)));
    }
    SetHandle set = New(members);
    Members seen;
    std::uint64_t cursor = 0;
    do {
      cursor = set.Scan(cursor, 10, [&](std::string_view member) { seen.emplace(member); });
    } while (cursor != 0);
    EXPECT_EQ(seen, members);
    int visited = 0;
    set.VisitWhile([&](std::string_view) { return ++visited < 7; });
    EXPECT_EQ(visited, 7);
  }
}

// How far counts are from what even chances promise, in standard deviations of Pearson's
// chi-square.
double Unevenness(const std::map<std::string, int>& counts, std::size_t members, double draws) {
  const double expected = draws / static_cast<double>(members);
  double chi_square = expected * static_cast<double>(members - counts.size());
  for (const auto& [member, count] : counts) {
    chi_square += (count - expected) * (count - expected) / expected;
  }
  const auto freedom = static_cast<double>(members - 1);
  return (chi_square - freedom) / std::sqrt(2 * freedom);
}

TEST_F(SetHandleTest, DrawsAllMembersAlike) {
  constexpr double kFar = 6;
  std::mt19937_64 random(4);
  // The last one has a table that has split.
  for (const Shape& shape :
       {kShapes[0], kShapes[1], kShapes[2], Shape{20'000, false, Encoding::kHashtable}}) {
    Members members;
    for (int i = 0; i < shape.members; ++i) {
      members.insert(MemberOf(shape, static_cast<unsigned>(i)));
    }
    const SetHandle set = New(members);
    const int draws = shape.members * 100;
    std::map<std::string, int> drawn;
    set.VisitRandom(static_cast<unsigned>(draws), random,
                    [&](std::string_view member) { ++drawn[std::string(member)]; });
    EXPECT_LT(Unevenness(drawn, members.size(), draws), kFar);
    // Few and many of them at once.
    for (const std::size_t count : {members.size() / 10, members.size() / 2, members.size()}) {
      std::map<std::string, int> chosen;
      const std::size_t repeats = 100 * members.size() / count;
      for (std::size_t i = 0; i < repeats; ++i) {
        Members once;
        set.VisitRandomDistinct(count, random, [&](std::string_view member) {
          once.emplace(member);
          ++chosen[std::string(member)];
        });
        ASSERT_EQ(once.size(), count);
      }
      EXPECT_LT(Unevenness(chosen, members.size(), static_cast<double>(repeats * count)), kFar);
    }
  }
}

// Most nodes of the table hold little then: those that are left must not be drawn more often.
TEST_F(SetHandleTest, DrawsAlikeFromWhatIsLeftOfAHugeSet) {
  std::mt19937_64 random(4);
  SetHandle set = SetHandle::Create(keyspace_, {kSlot, "s"}, kNow);
  for (int i = 0; i < 50'000; ++i) set.Add("m" + std::to_string(i), kSetLimits);
  for (int i = 1000; i < 50'000; ++i) set.Remove("m" + std::to_string(i));
  std::map<std::string, int> drawn;
  set.VisitRandom(100'000, random, [&](std::string_view member) { ++drawn[std::string(member)]; });
  EXPECT_EQ(drawn.size(), 1000u);
  EXPECT_LT(Unevenness(drawn, 1000, 100'000), 6);
}

}  // namespace
}  // namespace slotway::storage
