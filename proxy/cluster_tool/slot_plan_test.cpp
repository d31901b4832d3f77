// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/slot_plan.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <numeric>

namespace slotway::proxy {
namespace {

std::vector<int> SlotsFrom(int first, int count) {
  std::vector<int> slots(static_cast<std::size_t>(count));
  std::iota(slots.begin(), slots.end(), first);
  return slots;
}

std::vector<SlotShare> CarriedOut(std::vector<SlotShare> shares,
                                  const std::vector<SlotMove>& moves) {
  std::map<std::string, std::vector<int>*> by_id;
  for (SlotShare& share : shares) by_id[share.id] = &share.slots;
  for (const SlotMove& move : moves) {
    EXPECT_EQ(std::erase(*by_id.at(move.from), move.slot), 1);
    by_id.at(move.to)->push_back(move.slot);
  }
  for (SlotShare& share : shares) std::sort(share.slots.begin(), share.slots.end());
  return shares;
}

std::vector<SlotShare> ThreeMastersAndTwoNew() {
  return {{"a", SlotsFrom(0, 5461)},
          {"b", SlotsFrom(5461, 5461)},
          {"c", SlotsFrom(10922, 5462)},
          {"d", {}},
          {"e", {}}};
}

TEST(SlotPlanTest, NewMastersGetTheirShareAndTheRestStays) {
  const auto shares = ThreeMastersAndTwoNew();
  const auto moves = PlanMoves(shares);
  const auto after = CarriedOut(shares, moves);
  for (const SlotShare& share : after)
    EXPECT_NEAR(static_cast<double>(share.slots.size()), 3276, 1);
  EXPECT_EQ(moves.size(), after[3].slots.size() + after[4].slots.size());
}

TEST(SlotPlanTest, WhatIsBalancedStays) {
  const auto shares = ThreeMastersAndTwoNew();
  EXPECT_TRUE(PlanMoves(CarriedOut(shares, PlanMoves(shares))).empty());
}

TEST(SlotPlanTest, APlanThatWasCarriedOutInPartIsGoneOnWith) {
  const auto shares = ThreeMastersAndTwoNew();
  auto moves = PlanMoves(shares);
  const std::size_t all = moves.size();
  moves.resize(1000);
  const auto rest = PlanMoves(CarriedOut(shares, moves));
  EXPECT_EQ(rest.size(), all - 1000);
}

TEST(SlotPlanTest, WeightsShareInProportion) {
  const std::vector<SlotShare> shares = {
      {"a", SlotsFrom(0, 16384), 1}, {"b", {}, 2}, {"c", {}, 1}, {"d", {}, 0}};
  const auto after = CarriedOut(shares, PlanMoves(shares));
  EXPECT_EQ(after[0].slots.size(), 4096u);
  EXPECT_EQ(after[1].slots.size(), 8192u);
  EXPECT_EQ(after[2].slots.size(), 4096u);
  EXPECT_TRUE(after[3].slots.empty());
}

TEST(SlotPlanTest, AMasterThatGoesGivesItsSlotsToThoseWithFewest) {
  const std::vector<SlotShare> shares = {
      {"a", SlotsFrom(0, 10), 1}, {"b", SlotsFrom(10, 4), 1}, {"c", SlotsFrom(14, 8), 0}};
  const auto moves = PlanDrain(shares);
  EXPECT_EQ(moves.size(), 8u);
  const auto after = CarriedOut(shares, moves);
  EXPECT_EQ(after[0].slots.size(), 11u);
  EXPECT_EQ(after[1].slots.size(), 11u);
  EXPECT_TRUE(after[2].slots.empty());
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(after[0].slots[i], static_cast<int>(i));
}

}  // namespace
}  // namespace slotway::proxy
