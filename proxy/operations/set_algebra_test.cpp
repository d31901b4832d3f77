// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/set_algebra.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace slotway::proxy {
namespace {

using Set = std::vector<std::string_view>;
using Scored = std::vector<ScoredMember>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string Combined(SetRule rule, std::vector<Set> sets) {
  Set result = CombineSets(rule, sets);
  std::sort(result.begin(), result.end());
  std::string text;
  for (std::string_view member : result) text += member;
  return text;
}

TEST(SetAlgebra, Sets) {
  EXPECT_EQ(Combined(SetRule::kUnion, {{"a", "b"}, {}, {"b", "c"}}), "abc");
  EXPECT_EQ(Combined(SetRule::kIntersection, {{"a", "b", "c"}, {"c", "b"}, {"b", "x"}}), "b");
  EXPECT_EQ(Combined(SetRule::kIntersection, {{"a"}, {}}), "");
  EXPECT_EQ(Combined(SetRule::kDifference, {{"a", "b", "c"}, {"b"}, {"x", "c"}}), "a");
  EXPECT_EQ(Combined(SetRule::kDifference, {{}, {"b"}}), "");
  EXPECT_EQ(Combined(SetRule::kUnion, {}), "");
}

TEST(SetAlgebra, ScoresAreWeighedAndAggregated) {
  std::vector<Scored> sets = {{{"a", 1}, {"b", 2}}, {{"b", 10}, {"c", 20}}};
  std::vector<double> weights = {2, 0.5};
  auto combine = [&](SetRule rule, ScoreRule scores) {
    return CombineSortedSets(rule, scores, sets, weights);
  };
  EXPECT_EQ(combine(SetRule::kUnion, ScoreRule::kSum), (Scored{{"a", 2}, {"b", 9}, {"c", 10}}));
  EXPECT_EQ(combine(SetRule::kUnion, ScoreRule::kMin), (Scored{{"a", 2}, {"b", 4}, {"c", 10}}));
  EXPECT_EQ(combine(SetRule::kIntersection, ScoreRule::kMax), (Scored{{"b", 5}}));
  EXPECT_EQ(CombineSortedSets(SetRule::kDifference, ScoreRule::kSum, sets, {}), (Scored{{"a", 1}}));
}

TEST(SetAlgebra, TheSameSetTwice) {
  std::vector<Scored> twice = {{{"a", 1}}, {{"a", 1}}};
  EXPECT_EQ(CombineSortedSets(SetRule::kIntersection, ScoreRule::kSum, twice, {}),
            (Scored{{"a", 2}}));
}

TEST(SetAlgebra, WhatIsNoNumberIsZero) {
  std::vector<Scored> sets = {{{"a", kInfinity}}, {{"a", -kInfinity}}};
  EXPECT_EQ(CombineSortedSets(SetRule::kUnion, ScoreRule::kSum, sets, {}), (Scored{{"a", 0}}));
  std::vector<double> zeros = {0, 0};
  EXPECT_EQ(CombineSortedSets(SetRule::kUnion, ScoreRule::kMax, sets, zeros), (Scored{{"a", 0}}));
}

// As Redis does it: what a later set of an intersection has spoils a sum, and is no least.
TEST(SetAlgebra, WhatIsNoNumberInALaterSetOfAnIntersection) {
  std::vector<Scored> sets = {{{"a", 3}}, {{"a", kInfinity}}};
  std::vector<double> weights = {-1, 0};
  auto score_by = [&](ScoreRule scores) {
    return CombineSortedSets(SetRule::kIntersection, scores, sets, weights).at(0).score;
  };
  EXPECT_EQ(score_by(ScoreRule::kSum), 0);
  EXPECT_EQ(score_by(ScoreRule::kMin), -3);
  EXPECT_EQ(score_by(ScoreRule::kMax), -3);
  std::vector<double> zero_first = {kInfinity, -1};
  std::vector<Scored> zeros = {{{"a", 0}}, {{"a", 2}}};
  EXPECT_EQ(CombineSortedSets(SetRule::kIntersection, ScoreRule::kSum, zeros, zero_first),
            (Scored{{"a", -2}}));
}

TEST(SetAlgebra, EqualScoresAreInTheOrderOfBytes) {
  std::vector<Scored> sets = {{{"b", 1}, {"a", 1}}, {{"\xff", 1}, {"", 1}}};
  EXPECT_EQ(CombineSortedSets(SetRule::kUnion, ScoreRule::kSum, sets, {}),
            (Scored{{"", 1}, {"a", 1}, {"b", 1}, {"\xff", 1}}));
}

}  // namespace
}  // namespace slotway::proxy
