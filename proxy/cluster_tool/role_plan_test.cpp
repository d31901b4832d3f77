// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/role_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<PlacedNode> SixNodes(const char* hosts) {
  std::vector<PlacedNode> nodes;
  for (const char* host = hosts; *host != 0; ++host) {
    nodes.push_back({.id = std::string(1, static_cast<char>('a' + nodes.size())),
                     .host = std::string(1, *host),
                     .master_id = {}});
  }
  return nodes;
}

TEST(RolePlanTest, TheFirstNodesAreMasters) {
  EXPECT_THAT(ChooseMasters(SixNodes("xxxxxx"), 3), ElementsAre(0, 1, 2));
}

TEST(RolePlanTest, WhoHasSlotsStaysAMaster) {
  auto nodes = SixNodes("xxxxxx");
  nodes[4].has_slots = true;
  nodes[0].master_id = "e";
  EXPECT_THAT(ChooseMasters(nodes, 3), ElementsAre(1, 2, 4));
  EXPECT_THAT(ChooseMasters(nodes, 0), ElementsAre(4));
}

TEST(RolePlanTest, ReplicasAreSharedOut) {
  const auto nodes = SixNodes("xxxxxx");
  EXPECT_THAT(PlanReplicas(nodes, std::vector<std::size_t>{0, 1, 2}, 1),
              ElementsAre(Following{"d", "a"}, Following{"e", "b"}, Following{"f", "c"}));
}

TEST(RolePlanTest, AReplicaIsOnAnotherHostThanItsMaster) {
  const auto nodes = SixNodes("xyzxyz");
  const auto changes = PlanReplicas(nodes, std::vector<std::size_t>{0, 1, 2}, 1);
  ASSERT_EQ(changes.size(), 3u);
  for (const Following& change : changes) {
    EXPECT_NE(nodes[static_cast<std::size_t>(change.replica[0] - 'a')].host,
              nodes[static_cast<std::size_t>(change.master[0] - 'a')].host);
  }
}

TEST(RolePlanTest, WhatIsAsWantedStays) {
  auto nodes = SixNodes("xxxxxx");
  nodes[3].master_id = "c";
  nodes[4].master_id = "b";
  nodes[5].master_id = "a";
  EXPECT_THAT(PlanReplicas(nodes, std::vector<std::size_t>{0, 1, 2}, 1), IsEmpty());
}

TEST(RolePlanTest, WhoHasTooManyGivesOneAway) {
  auto nodes = SixNodes("xxxxxx");
  for (std::size_t i = 3; i < 6; ++i) nodes[i].master_id = "a";
  EXPECT_THAT(PlanReplicas(nodes, std::vector<std::size_t>{0, 1, 2}, 1),
              ElementsAre(Following{"e", "b"}, Following{"f", "c"}));
}

TEST(RolePlanTest, AReplicaOfSomebodyGoneIsTakenIn) {
  auto nodes = SixNodes("xxxx");
  nodes[3].master_id = "gone";
  EXPECT_THAT(PlanReplicas(nodes, std::vector<std::size_t>{0, 1, 2}, 1),
              ElementsAre(Following{"d", "a"}));
  EXPECT_THAT(PlanReplicas(nodes, std::vector<std::size_t>{0, 1, 2}, 0), IsEmpty());
}

}  // namespace
}  // namespace slotway::proxy
