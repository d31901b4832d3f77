// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/formation.h"

#include <gtest/gtest.h>

#include "storage/cluster/bus_fixture.h"
#include "storage/cluster/cluster_fixture.h"

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;

// `count` new nodes that are linked, as the one at `my_place` sees them.
ClusterState NewNodes(int count, int my_place) {
  ClusterState state;
  for (int i = 0; i < count; ++i) {
    ClusterNode node;
    node.id = *NodeId::Parse(TestId(i));
    node.ip = "10.0.0." + std::to_string(i + 1);
    node.port = 7000;
    node.bus_port = 17000;
    node.flags = NodeFlag::kMaster;
    state.Add(node);
  }
  state.SetMyself(NodeIndex(my_place));
  return state;
}

class FormingNode {
 public:
  FormingNode(ClusterState view, FormationGoal goal)
      : state(std::move(view)), bus(state, host, host, {}), formation(state, bus, goal) {
    for (std::size_t i = 0; i < state.Nodes().size(); ++i) {
      state.SetLink(NodeIndex(i), NodeIndex(i) != state.MyIndex());
    }
  }

  // Whether something changed within this time.
  bool Pass(std::int64_t ms) {
    bool has_changed = false;
    for (std::int64_t end_ms = host.now_ms + ms; host.now_ms < end_ms; host.now_ms += 100) {
      has_changed = formation.Tick(host.now_ms) || has_changed;
    }
    return has_changed;
  }

  QuietHost host;
  ClusterState state;
  ClusterBus bus;
  Formation formation;
};

void GiveAllTo(ClusterState& state, int place, int first, int last) {
  ClusterState::Batch batch(state);
  for (int slot = first; slot <= last; ++slot) state.Assign(Slot(slot), NodeIndex(place));
}

TEST(FormationTest, TheSmallestIdTakesTheFirstPart) {
  FormingNode node(NewNodes(6, 0), {.nodes = 6, .replicas = 1});
  EXPECT_FALSE(node.Pass(900));
  EXPECT_TRUE(node.Pass(400));
  EXPECT_EQ(node.state.SlotsOf(NodeIndex(0)), (std::vector<SlotRange>{{0, 5460}}));
  EXPECT_EQ(ToInt(node.state.Myself().config_epoch), 1u);
}

TEST(FormationTest, TheOthersWait) {
  FormingNode node(NewNodes(6, 1), {.nodes = 6, .replicas = 1});
  EXPECT_FALSE(node.Pass(10'000));
}

TEST(FormationTest, NothingBeginsBeforeAllAreThere) {
  FormingNode few(NewNodes(5, 0), {.nodes = 6, .replicas = 1});
  EXPECT_FALSE(few.Pass(10'000));
  EXPECT_TRUE(few.formation.SeeksPeers());
  FormingNode suspecting(NewNodes(6, 0), {.nodes = 6, .replicas = 1});
  suspecting.state.SetFlag(NodeIndex(4), NodeFlag::kSuspected, true);
  EXPECT_FALSE(suspecting.Pass(10'000));
  FormingNode shaking(NewNodes(6, 0), {.nodes = 6, .replicas = 1});
  shaking.state.SetFlag(NodeIndex(5), NodeFlag::kHandshake, true);
  EXPECT_FALSE(shaking.Pass(10'000));
}

TEST(FormationTest, AGrantIsTakenOnceAndOnlyOfFreeSlots) {
  FormingNode node(NewNodes(3, 1), {.nodes = 3});
  BusMessage ping;
  ping.sender = *NodeId::Parse(TestId(0));
  ping.grant = SlotGrant{5461, 10922, Epoch(2)};
  node.bus.OnAccepted(LinkId(77), {"10.0.0.2", "10.0.0.1"});
  node.bus.OnMessage(LinkId(77), ping);
  EXPECT_TRUE(node.Pass(100));
  EXPECT_EQ(node.state.SlotsOf(NodeIndex(1)), (std::vector<SlotRange>{{5461, 10922}}));
  EXPECT_EQ(node.state.Myself().config_epoch, Epoch(2));
  ping.grant = SlotGrant{0, 10, Epoch(3)};
  node.bus.OnMessage(LinkId(77), ping);
  EXPECT_FALSE(node.Pass(100));

  FormingNode late(NewNodes(3, 1), {.nodes = 3});
  GiveAllTo(late.state, 2, 10921, 16383);
  ping.grant = SlotGrant{5461, 10922, Epoch(2)};
  late.bus.OnAccepted(LinkId(77), {"10.0.0.2", "10.0.0.1"});
  late.bus.OnMessage(LinkId(77), ping);
  EXPECT_FALSE(late.Pass(100));
}

TEST(FormationTest, WhoHasNoSlotsFollowsAMasterThatLacksReplicas) {
  for (int place : {3, 4, 5}) {
    ClusterState view = NewNodes(6, place);
    GiveAllTo(view, 0, 0, 5460);
    GiveAllTo(view, 1, 5461, 10922);
    GiveAllTo(view, 2, 10923, 16383);
    FormingNode node(std::move(view), {.nodes = 6, .replicas = 1});
    EXPECT_FALSE(node.Pass(900));
    EXPECT_TRUE(node.Pass(400));
    // All of them decide at once, and for different masters.
    EXPECT_EQ(node.state.Myself().master, NodeIndex(place - 3));
  }
}

TEST(FormationTest, ASpareNodeStaysOne) {
  ClusterState view = NewNodes(2, 1);
  GiveAllTo(view, 0, 0, 16383);
  FormingNode node(std::move(view), {.nodes = 2, .replicas = 0});
  EXPECT_FALSE(node.Pass(10'000));
  EXPECT_FALSE(node.formation.SeeksPeers());
}

TEST(FormationTest, WhoHasLostMostOfTheOthersLooksForThem) {
  ClusterState view = NewNodes(4, 0);
  GiveAllTo(view, 0, 0, 16383);
  FormingNode node(std::move(view), {.nodes = 4});
  EXPECT_FALSE(node.formation.SeeksPeers());
  EXPECT_TRUE(node.formation.IsKnownAddress("10.0.0.2", 7000));
  node.state.SetLink(NodeIndex(1), false);
  EXPECT_FALSE(node.formation.SeeksPeers());
  node.state.SetLink(NodeIndex(2), false);
  EXPECT_TRUE(node.formation.SeeksPeers());
  EXPECT_FALSE(node.formation.IsKnownAddress("10.0.0.2", 7000));
  node.bus.Reset(false, *NodeId::Parse(TestId(5)));
  EXPECT_FALSE(node.formation.SeeksPeers());
}

}  // namespace
}  // namespace slotway::storage::cluster
