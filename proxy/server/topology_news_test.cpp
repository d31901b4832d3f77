// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/topology_news.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/server/cluster_chronicle.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = TopologyNews::Kind;

// Masters a and b with half of the slots each, and c, a replica of a.
protocol::Topology NewsTopology() {
  protocol::Topology topology;
  topology.nodes.resize(3);
  for (std::size_t i = 0; i < 3; ++i) {
    topology.nodes[i].id = std::string(40, static_cast<char>('a' + i));
    topology.nodes[i].endpoint = {"10.0.0.1", static_cast<std::uint16_t>(7000 + i)};
    topology.nodes[i].is_master = i < 2;
  }
  topology.nodes[2].master_id = topology.nodes[0].id;
  for (std::size_t slot = 0; slot < protocol::kSlotCount; ++slot) {
    topology.owner_of_slot[slot] = slot < 8192 ? 0 : 1;
  }
  return topology;
}

TEST(TopologyNews, NothingIsNew) {
  EXPECT_THAT(NewsBetween(NewsTopology(), NewsTopology()), IsEmpty());
}

TEST(TopologyNews, AReplicaHasTakenItsMastersSlots) {
  protocol::Topology after = NewsTopology();
  after.nodes[0].is_failing = true;
  after.nodes[2].is_master = true;
  for (std::size_t slot = 0; slot < 8192; ++slot) after.owner_of_slot[slot] = 2;
  EXPECT_THAT(NewsBetween(NewsTopology(), after),
              ElementsAre(TopologyNews{Kind::kFailover, "10.0.0.1:7002", "10.0.0.1:7000", 8192},
                          TopologyNews{Kind::kNodeFailed, "10.0.0.1:7000"}));
}

TEST(TopologyNews, SlotsAndNodesComeAndGo) {
  protocol::Topology moved = NewsTopology();
  for (std::size_t slot = 0; slot < 100; ++slot) moved.owner_of_slot[slot] = 1;
  EXPECT_THAT(NewsBetween(NewsTopology(), moved),
              ElementsAre(TopologyNews{Kind::kSlotsMoved, "10.0.0.1:7001", "10.0.0.1:7000", 100}));
  protocol::Topology lost = NewsTopology();
  for (std::size_t slot = 0; slot < 10; ++slot) lost.owner_of_slot[slot] = protocol::kNoNode;
  lost.nodes.pop_back();
  EXPECT_EQ(UnownedSlots(lost), 10u);
  EXPECT_THAT(NewsBetween(NewsTopology(), lost),
              ElementsAre(TopologyNews{Kind::kSlotsLost, "", "10.0.0.1:7000", 10},
                          TopologyNews{Kind::kNodeLeft, "10.0.0.1:7002"}));
  EXPECT_THAT(NewsBetween(lost, NewsTopology()),
              ElementsAre(TopologyNews{Kind::kSlotsRecovered, "10.0.0.1:7000", "", 10},
                          TopologyNews{Kind::kNodeJoined, "10.0.0.1:7002"}));
}

TEST(ClusterChronicle, CountsFailoversFromTheSecondTopologyOn) {
  std::vector<TopologyNews> told;
  ClusterChronicle chronicle([&](const TopologyNews& news) { told.push_back(news); });
  protocol::Topology after = NewsTopology();
  after.nodes[2].is_master = true;
  for (std::size_t slot = 0; slot < 8192; ++slot) after.owner_of_slot[slot] = 2;
  // shared: as the refresher's snapshots are.
  auto first = std::make_shared<const protocol::Topology>(NewsTopology());
  auto second = std::make_shared<const protocol::Topology>(after);
  chronicle.Take(first);
  chronicle.Take(first);
  EXPECT_EQ(chronicle.Failovers(), 0u);
  chronicle.Take(second);
  chronicle.Take(second);
  EXPECT_EQ(chronicle.Failovers(), 1u);
  EXPECT_EQ(told.size(), 1u);
}

}  // namespace
}  // namespace slotway::proxy
