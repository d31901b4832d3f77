// SPDX-License-Identifier: Apache-2.0
// Random changes of a large value while its elements are handed out: they are those of the
// beginning.
#include "storage/types/element_capture.h"

#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "storage/types/hash_value.h"
#include "storage/types/set_value.h"
#include "storage/types/sorted_set_value.h"

namespace slotway::storage {
namespace {

// What an element was handed out with.
using ElementContents = std::map<std::string, std::pair<std::string, double>>;

class ElementCollector final : public ElementTaker {
 public:
  void Take(const ValueElement& element) override {
    const bool is_new =
        elements.emplace(element.name, std::pair(std::string(element.value), element.score)).second;
    EXPECT_TRUE(is_new) << element.name << " was handed out twice";
  }
  void OnGone() override { is_gone = true; }
  ElementContents elements;
  bool is_gone = false;
};

class ElementCaptureTest : public ::testing::Test {
 protected:
  static constexpr int kNames = 20000;

  std::string AnyName() { return "name" + std::to_string(random_() % kNames); }
  std::uint64_t Random(std::uint64_t below) { return random_() % below; }

  // Rounds of a capture while `change` is called between its steps. `now` tells the elements.
  void Check(ValueObject& value, const std::function<void()>& change,
             const std::function<ElementContents()>& now) {
    for (int i = 0; i < 2 * kNames; ++i) change();
    for (int round = 0; round < 8; ++round) {
      const ElementContents before = now();
      ElementCollector taken;
      ASSERT_TRUE(value.BeginCapture(taken));
      const std::uint64_t changes_per_step = Random(60);
      const std::size_t elements_per_step = 1 + Random(100);
      do {
        for (std::uint64_t i = 0; i < changes_per_step; ++i) change();
      } while (value.CaptureSome(elements_per_step));
      value.EndCapture();
      EXPECT_FALSE(taken.is_gone);
      ASSERT_EQ(taken.elements.size(), before.size());
      EXPECT_TRUE(taken.elements == before) << "round " << round;
    }
  }

  std::mt19937_64 random_{20261130};
  RecordArena arena_;
};

TEST_F(ElementCaptureTest, Set) {
  SetTable set(arena_, 7);
  Check(
      set,
      [&] {
        // More go for a while, so that tables shrink and collapse.
        const bool grows = set.ElementCount() < 100 || Random(3) != 0;
        grows ? set.Add(AnyName()) : set.Remove(AnyName());
      },
      [&] {
        ElementContents contents;
        set.ForEach([&](std::string_view member) { contents[std::string(member)] = {}; });
        return contents;
      });
}

TEST_F(ElementCaptureTest, Hash) {
  HashTable hash(arena_, 7);
  Check(
      hash,
      [&] {
        if (Random(3) == 0) {
          hash.Delete(AnyName());
        } else {
          hash.Set(AnyName(), std::string(Random(12), static_cast<char>('a' + Random(26))));
        }
      },
      [&] {
        ElementContents contents;
        hash.ForEach([&](std::string_view field, std::string_view value) {
          contents[std::string(field)] = {std::string(value), 0};
        });
        return contents;
      });
}

TEST_F(ElementCaptureTest, SortedSet) {
  SortedSetTable set(arena_, 7);
  Check(
      set,
      [&] {
        const std::uint64_t what = Random(400);
        if (what == 0 && set.ElementCount() > 100) {
          set.DeleteRanks({Random(set.ElementCount() - 50), 50});
        } else if (what < 100) {
          set.Delete(AnyName());
        } else {
          set.Set(AnyName(), static_cast<double>(Random(500)) - 250);
        }
      },
      [&] {
        ElementContents contents;
        set.Visit({0, set.ElementCount()}, false, [&](const ScoredMember& item) {
          contents[std::string(item.member)] = {"", item.score};
        });
        return contents;
      });
}

TEST_F(ElementCaptureTest, EverythingIsTakenFromAValueThatGoes) {
  ElementCollector taken;
  {
    HashTable hash(arena_, 7);
    for (int i = 0; i < 5000; ++i) hash.Set("field" + std::to_string(i), "value");
    ASSERT_TRUE(hash.BeginCapture(taken));
    hash.CaptureSome(1000);
    hash.Set("field17", "another");
    EXPECT_FALSE(taken.is_gone);
  }
  EXPECT_TRUE(taken.is_gone);
  EXPECT_EQ(taken.elements.size(), 5000u);
  EXPECT_EQ(taken.elements["field17"].first, "value");
}

TEST_F(ElementCaptureTest, AStepTakesAboutSoMany) {
  SortedSetTable set(arena_, 7);
  for (int i = 0; i < 5000; ++i) set.Set("member" + std::to_string(i), i);
  ElementCollector taken;
  ASSERT_TRUE(set.BeginCapture(taken));
  EXPECT_TRUE(set.CaptureSome(100));
  EXPECT_EQ(taken.elements.size(), 100u);
  EXPECT_TRUE(taken.elements.contains("member4999"));
  set.EndCapture();
  set.Set("member1", 7);
  EXPECT_EQ(taken.elements.size(), 100u);
}

}  // namespace
}  // namespace slotway::storage
