// SPDX-License-Identifier: Apache-2.0
#include "protocol/replica_topology.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace slotway::protocol {
namespace {

constexpr char kNoHistory = '0';

Endpoint At(int port) { return {"10.0.0.1", static_cast<std::uint16_t>(port)}; }

ReplicationView Master(int port, char history, std::uint64_t offset = 100,
                       char former = kNoHistory) {
  ReplicationView view{At(port), {}};
  view.info.is_master = true;
  view.info.history_id = std::string(40, history);
  view.info.former_history_id = std::string(40, former);
  view.info.offset = offset;
  return view;
}

ReplicationView Replica(int port, int master, char history, bool is_link_up = true) {
  ReplicationView view{At(port), {}};
  view.info.history_id = std::string(40, history);
  view.info.former_history_id = std::string(40, kNoHistory);
  view.info.master = At(master);
  view.info.is_link_up = is_link_up;
  return view;
}

int MasterPort(const std::vector<ReplicationView>& views, int known = 0) {
  const Endpoint endpoint = At(known);
  const ReplicationView* master = ChooseMaster(views, known == 0 ? nullptr : &endpoint);
  return master == nullptr ? 0 : master->endpoint.port;
}

// The same whatever the order of the views.
int MasterPortInAnyOrder(std::vector<ReplicationView> views, int known = 0) {
  std::vector<int> order(views.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  const int port = MasterPort(views, known);
  while (std::next_permutation(order.begin(), order.end())) {
    std::vector<ReplicationView> shuffled;
    for (int i : order) shuffled.push_back(views[static_cast<std::size_t>(i)]);
    EXPECT_EQ(MasterPort(shuffled, known), port);
  }
  return port;
}

TEST(ReplicaTopology, TheMasterIsWhoSaysSo) {
  EXPECT_EQ(MasterPortInAnyOrder({Replica(1, 2, 'a'), Master(2, 'a'), Replica(3, 2, 'a')}), 2);
  EXPECT_EQ(MasterPort({Replica(1, 2, 'a')}), 0);
  EXPECT_EQ(MasterPort({}), 0);
}

TEST(ReplicaTopology, TheKnownMasterStaysWhileItAnswersAsOne) {
  EXPECT_EQ(MasterPortInAnyOrder({Master(1, 'a', 1), Master(2, 'b', 900, 'a')}, 1), 1);
  EXPECT_EQ(MasterPortInAnyOrder({Replica(1, 2, 'b'), Master(2, 'b', 900, 'a')}, 1), 2);
  EXPECT_EQ(MasterPortInAnyOrder({Master(2, 'b', 900, 'a')}, 1), 2);
}

TEST(ReplicaTopology, OfTwoMastersTheOneThatIsFollowedWins) {
  EXPECT_EQ(MasterPortInAnyOrder({Master(1, 'a', 900), Master(2, 'b', 1, 'a'), Replica(3, 2, 'b')}),
            2);
  EXPECT_EQ(MasterPortInAnyOrder({Master(1, 'a', 1), Master(2, 'b', 900, 'a'), Replica(3, 1, 'a')}),
            1);
}

TEST(ReplicaTopology, OfTwoMastersThePromotedOneWins) {
  EXPECT_EQ(MasterPortInAnyOrder({Master(1, 'a', 900), Master(2, 'b', 1, 'a')}), 2);
}

TEST(ReplicaTopology, OfTwoStrangersTheOneThatHasWrittenMoreWins) {
  EXPECT_EQ(MasterPortInAnyOrder({Master(1, 'a', 1), Master(2, 'b', 900)}), 2);
  EXPECT_EQ(MasterPort({Master(2, 'b', 5), Master(1, 'a', 5)}), 2);
}

const ClusterNode* Find(const Topology& topology, int port) {
  for (const ClusterNode& node : topology.nodes) {
    if (node.endpoint == At(port)) return &node;
  }
  return nullptr;
}

TEST(ReplicaTopology, TheMasterOwnsAllSlots) {
  const std::vector<ReplicationView> views = {Replica(1, 2, 'a'),        Master(2, 'a'),
                                              Replica(3, 2, 'a', false), Replica(4, 2, 'b'),
                                              Replica(5, 9, 'c'),        Master(6, 'd')};
  const Topology topology = TopologyOfReplicas(views, views[1], {}, nullptr);
  EXPECT_TRUE(topology.CoversAllSlots());
  EXPECT_EQ(*MasterOf(&topology), At(2));
  ASSERT_EQ(topology.nodes.size(), 4u);
  const ClusterNode* master = Find(topology, 2);
  EXPECT_TRUE(master->is_master && master->is_link_up && master->master_id.empty());
  for (int port : {1, 3, 4}) {
    ASSERT_NE(Find(topology, port), nullptr) << port;
    EXPECT_EQ(Find(topology, port)->master_id, master->id);
    EXPECT_FALSE(Find(topology, port)->is_master);
  }
  EXPECT_TRUE(Find(topology, 1)->is_link_up);
  EXPECT_FALSE(Find(topology, 3)->is_link_up);
  EXPECT_FALSE(Find(topology, 4)->is_link_up) << "its data is another history's still";
  EXPECT_EQ(Find(topology, 5), nullptr) << "it follows somebody else";
  EXPECT_EQ(Find(topology, 6), nullptr) << "a second master is no replica";
}

TEST(ReplicaTopology, AReplicaOfAReplicaBelongs) {
  const std::vector<ReplicationView> views = {Master(1, 'a'), Replica(2, 1, 'a'),
                                              Replica(3, 2, 'a')};
  const Topology topology = TopologyOfReplicas(views, views[0], {}, nullptr);
  EXPECT_NE(Find(topology, 3), nullptr);
}

TEST(ReplicaTopology, KnownNodesThatAreSilentStay) {
  const std::vector<ReplicationView> before = {Master(1, 'a'), Replica(2, 1, 'a')};
  const Topology known = TopologyOfReplicas(before, before[0], {}, nullptr);
  const std::vector<ReplicationView> views = {Master(2, 'b', 5, 'a')};
  const Topology topology = TopologyOfReplicas(views, views[0], {At(1), At(9)}, &known);
  ASSERT_EQ(topology.nodes.size(), 2u);
  EXPECT_TRUE(Find(topology, 1)->is_suspected && Find(topology, 1)->is_failing);
  EXPECT_FALSE(Find(topology, 1)->is_master || Find(topology, 1)->is_link_up);
  EXPECT_EQ(*MasterOf(&topology), At(2));
  EXPECT_FALSE(topology.RoutesLike(known));
  EXPECT_EQ(MasterOf(nullptr), nullptr);
  const Topology later = TopologyOfReplicas(views, views[0], {At(1)}, &topology);
  EXPECT_TRUE(later.RoutesLike(topology));
  const std::vector<ReplicationView> alone = {Master(1, 'a')};
  EXPECT_FALSE(Find(TopologyOfReplicas(alone, alone[0], {At(2)}, &known), 2)->is_failing);
}

}  // namespace
}  // namespace slotway::protocol
