// SPDX-License-Identifier: Apache-2.0
#include "runtime/random.h"

#include <array>
#include <gtest/gtest.h>
#include <set>

namespace slotway::runtime {
namespace {

bool IsHex(const std::string& text) {
  return text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

TEST(Random, OneSeedOneSequence) {
  Random a(7), b(7), c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    std::uint64_t drawn = a.Next();
    EXPECT_EQ(drawn, b.Next());
    differs = differs || drawn != c.Next();
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(Random(7).HexId(), Random(7).HexId());
}

TEST(Random, BelowIsEven) {
  Random random(42);
  std::array<int, 7> counts{};
  constexpr int kDraws = 70000;
  for (int i = 0; i < kDraws; ++i) ++counts[random.Below(counts.size())];
  for (int count : counts) EXPECT_NEAR(count, kDraws / 7, 500);
  EXPECT_EQ(random.Below(1), 0u);
  std::uint64_t large = (std::uint64_t{1} << 63) + 1;
  for (int i = 0; i < 1000; ++i) EXPECT_LT(random.Below(large), large);
}

TEST(Random, UnitsAreBelowOne) {
  Random random(1);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    double unit = random.NextUnit();
    ASSERT_GE(unit, 0.0);
    ASSERT_LT(unit, 1.0);
    sum += unit;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
}

TEST(Random, IdsFromTheKernelDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    std::string id = RandomHexId();
    EXPECT_EQ(id.size(), 40u);
    EXPECT_TRUE(IsHex(id)) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 100u);
  EXPECT_EQ(RandomHexId(7).size(), 7u);
  EXPECT_EQ(RandomHexId(0), "");
  EXPECT_NE(SystemEntropy(), SystemEntropy());
}

}  // namespace
}  // namespace slotway::runtime
