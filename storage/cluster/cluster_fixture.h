// SPDX-License-Identifier: Apache-2.0
// For tests: a cluster of three masters and three replicas, as redis-cli would create it.
#pragma once

#include <algorithm>
#include <string>

#include "storage/cluster/cluster_state.h"

namespace slotway::storage::cluster {

// Ids are one letter forty times: masters a, b, c (places 0-2), their replicas d, e, f (3-5).
inline std::string TestId(int place) { return std::string(40, static_cast<char>('a' + place)); }

// Masters own 0-5460, 5461-10922 and 10923-16383, have epochs 1 to 3 and ports from 7001 on.
inline ClusterState ThreeShards(int my_place) {
  constexpr int kFirstSlots[] = {0, 5461, 10923, protocol::kSlotCount};
  ClusterState state;
  for (int place = 0; place < 6; ++place) {
    ClusterNode node;
    node.id = *NodeId::Parse(TestId(place));
    node.ip = "127.0.0.1";
    node.port = static_cast<std::uint16_t>(7001 + place);
    node.bus_port = static_cast<std::uint16_t>(17001 + place);
    node.flags = NodeFlag::kMaster;
    node.is_link_up = true;
    node.config_epoch = Epoch(place < 3 ? static_cast<std::uint64_t>(place) + 1 : 0);
    NodeIndex index = state.Add(node);
    if (place >= 3) state.SetReplicaOf(index, NodeIndex(place - 3));
  }
  {
    ClusterState::Batch batch(state);
    for (int place = 0; place < 3; ++place) {
      for (int slot = kFirstSlots[place]; slot < kFirstSlots[place + 1]; ++slot) {
        state.Assign(protocol::Slot(slot), NodeIndex(place));
      }
    }
  }
  state.SetMyself(NodeIndex(my_place));
  state.SetCurrentEpoch(Epoch(3));
  return state;
}

}  // namespace slotway::storage::cluster
