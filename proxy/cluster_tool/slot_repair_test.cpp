// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/slot_repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TroubledSlot OwnedByA() {
  TroubledSlot trouble;
  trouble.slot = 7;
  trouble.owner = "a";
  trouble.keys = {{"a", 0}, {"b", 0}, {"c", 0}};
  trouble.slot_counts = {{"a", 10}, {"b", 5}, {"c", 8}};
  return trouble;
}

TEST(SlotRepairTest, AMoveGoesOnToWhereItWent) {
  TroubledSlot trouble = OwnedByA();
  trouble.migrating_to = "c";
  trouble.importing = {"c"};
  trouble.keys["a"] = 3;
  trouble.keys["c"] = 2;
  const SlotRepair repair = PlanRepair(trouble);
  EXPECT_EQ(repair.owner, "c");
  EXPECT_EQ(repair.moves_from, "a");
  EXPECT_THAT(repair.strays, IsEmpty());
  EXPECT_THAT(repair.settles, IsEmpty());
}

TEST(SlotRepairTest, AMoveThatOnlyTheTargetKnowsOfGoesOn) {
  TroubledSlot trouble = OwnedByA();
  trouble.importing = {"b"};
  const SlotRepair repair = PlanRepair(trouble);
  EXPECT_EQ(repair.owner, "b");
  EXPECT_EQ(repair.moves_from, "a");
}

TEST(SlotRepairTest, AMoveToSomebodyGoneIsCalledOffIfNothingWent) {
  TroubledSlot trouble = OwnedByA();
  trouble.migrating_to = "gone";
  trouble.leaving = {"a"};
  trouble.keys["a"] = 3;
  const SlotRepair repair = PlanRepair(trouble);
  EXPECT_EQ(repair.owner, "a");
  EXPECT_TRUE(repair.moves_from.empty());
  EXPECT_THAT(repair.settles, ElementsAre("a"));
}

TEST(SlotRepairTest, AMoveToAMasterThatWasReplacedGoesToItsHeir) {
  TroubledSlot trouble = OwnedByA();
  trouble.migrating_to = "gone";
  trouble.keys["a"] = 3;
  trouble.keys["b"] = 4;  // was a replica of who is gone
  const SlotRepair repair = PlanRepair(trouble);
  EXPECT_EQ(repair.owner, "b");
  EXPECT_EQ(repair.moves_from, "a");
}

TEST(SlotRepairTest, KeysAtAThirdNodeComeFirst) {
  TroubledSlot trouble = OwnedByA();
  trouble.migrating_to = "b";
  trouble.importing = {"b", "c"};
  trouble.keys = {{"a", 1}, {"b", 1}, {"c", 1}};
  const SlotRepair repair = PlanRepair(trouble);
  EXPECT_EQ(repair.owner, "b");
  EXPECT_THAT(repair.strays, ElementsAre("c"));
  EXPECT_THAT(repair.settles, ElementsAre("c"));
}

TEST(SlotRepairTest, ASlotOfNobodyGoesWhereItsKeysAre) {
  TroubledSlot trouble = OwnedByA();
  trouble.owner.clear();
  trouble.keys = {{"a", 1}, {"b", 5}, {"c", 0}};
  const SlotRepair repair = PlanRepair(trouble);
  EXPECT_TRUE(repair.is_unowned);
  EXPECT_EQ(repair.owner, "b");
  EXPECT_TRUE(repair.moves_from.empty());
  EXPECT_THAT(repair.strays, ElementsAre("a"));
}

TEST(SlotRepairTest, ASlotOfNobodyWithoutKeysGoesToWhoHasFewest) {
  TroubledSlot trouble = OwnedByA();
  trouble.owner.clear();
  EXPECT_EQ(PlanRepair(trouble).owner, "b");
}

TEST(SlotRepairTest, AMarkThatAFormerOwnerHasLeftIsTakenAway) {
  TroubledSlot trouble = OwnedByA();
  trouble.leaving = {"b"};
  trouble.keys["a"] = 2;
  const SlotRepair repair = PlanRepair(trouble);
  EXPECT_EQ(repair.owner, "a");
  EXPECT_THAT(repair.settles, ElementsAre("b"));
}

}  // namespace
}  // namespace slotway::proxy
