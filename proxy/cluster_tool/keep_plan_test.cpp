// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/keep_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// Three masters 0 to 2 with their replicas 3 to 5.
std::vector<NumberedNode> SixNodes() {
  return {{"a", 0, "", 5461}, {"b", 1, "", 5462}, {"c", 2, "", 5461},
          {"d", 3, "a"},      {"e", 4, "b"},      {"f", 5, "c"}};
}

TEST(KeepPlanTest, NothingChangesWhereAllIsAsWanted) {
  const KeepPlan plan = PlanKeeping(SixNodes(), 6, 1);
  EXPECT_THAT(plan.masters, UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(plan.leaving, IsEmpty());
  EXPECT_THAT(plan.successors, IsEmpty());
  EXPECT_EQ(plan.replicas, 1u);
}

TEST(KeepPlanTest, OneOfTwoNewNodesBecomesAMaster) {
  auto nodes = SixNodes();
  nodes.push_back({"h", 7});
  nodes.push_back({"g", 6});
  const KeepPlan plan = PlanKeeping(nodes, 8, 1);
  EXPECT_THAT(plan.masters, ElementsAre("b", "a", "c", "g"));
  EXPECT_EQ(plan.replicas, 1u);
}

TEST(KeepPlanTest, ASeventhNodeIsOneMoreReplica) {
  auto nodes = SixNodes();
  nodes.push_back({"g", 6});
  const KeepPlan plan = PlanKeeping(nodes, 7, 1);
  EXPECT_THAT(plan.masters, UnorderedElementsAre("a", "b", "c"));
  EXPECT_EQ(plan.replicas, 2u);
}

TEST(KeepPlanTest, ThoseBeyondTheCountGo) {
  auto nodes = SixNodes();
  nodes.push_back({"g", 6, "", 4096});
  nodes.push_back({"h", 7, "g"});
  const KeepPlan plan = PlanKeeping(nodes, 6, 1);
  EXPECT_THAT(plan.masters, UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(plan.leaving, ElementsAre("g", "h"));
  EXPECT_THAT(plan.successors, IsEmpty());
}

TEST(KeepPlanTest, AReplicaThatStaysTakesOverWhereMastersWouldBeMissing) {
  auto nodes = SixNodes();
  nodes[0].master_id = "g";  // a failover has put 0 and 3 behind 6
  nodes[0].slots = 0;
  nodes[3].master_id = "g";
  nodes.push_back({"g", 6, "", 5461});
  const KeepPlan plan = PlanKeeping(nodes, 6, 1);
  EXPECT_THAT(plan.successors, ElementsAre("a"));
  EXPECT_THAT(plan.leaving, ElementsAre("g"));
}

TEST(KeepPlanTest, MastersTooManyGiveTheirSlotsAway) {
  // What goes are the replicas: of four masters one has to become a replica.
  const std::vector<NumberedNode> nodes = {{"a", 0, "", 4096}, {"b", 1, "", 4096}, {"c", 2, "", 4096},
                                           {"d", 3, "", 4096}, {"e", 4, "a"},      {"f", 5, "b"},
                                           {"g", 6, "c"},      {"h", 7, "d"}};
  const KeepPlan plan = PlanKeeping(nodes, 6, 1);
  EXPECT_THAT(plan.masters, ElementsAre("a", "b", "c"));
  EXPECT_THAT(plan.leaving, ElementsAre("g", "h"));
  EXPECT_EQ(plan.replicas, 1u);
}

TEST(KeepPlanTest, WithoutReplicasAllAreMasters) {
  const std::vector<NumberedNode> nodes = {{"a", 0, "", 8192}, {"b", 1, "", 8192}, {"c", 2}};
  const KeepPlan plan = PlanKeeping(nodes, 3, 0);
  EXPECT_THAT(plan.masters, ElementsAre("a", "b", "c"));
  EXPECT_EQ(plan.replicas, 0u);
}

TEST(KeepPlanTest, OneNodeIsAMaster) {
  const std::vector<NumberedNode> nodes = {{"a", 0, "", 16384}};
  EXPECT_THAT(PlanKeeping(nodes, 1, 1).masters, ElementsAre("a"));
}

}  // namespace
}  // namespace slotway::proxy
