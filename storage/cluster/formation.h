// SPDX-License-Identifier: Apache-2.0
// How new nodes become a cluster by themselves, and how one that is new joins.
//
// Told of the time, looks at the state and at the bus; no I/O. Engine thread. Everybody meets
// everybody (server/peer_finder); then, when as many nodes as wanted have been linked for a while,
// the one with the smallest id takes the first part of the slots and grants the others theirs, one
// by one as long as some are free: so what was interrupted is gone on with. When all slots have an
// owner, who has none follows a master that lacks replicas. Since all nodes that are wanted have to
// be there before anything begins, no two of them begin.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/cluster/cluster_bus.h"
#include "storage/cluster/cluster_state.h"

namespace slotway::storage::cluster {

struct FormationGoal {
  int nodes = 0;     // 0: nothing is formed
  int replicas = 0;  // of each master
};

class Formation {
 public:
  Formation(ClusterState& state, ClusterBus& bus, FormationGoal goal)
      : state_(state), bus_(bus), goal_(goal) {}

  // Ten times a second. True if something changed that must be saved and told.
  bool Tick(std::int64_t now_ms);
  // Whether this node needs to be met: it is new and alone, or has lost most of the others, which
  // may have other addresses now. Not after CLUSTER RESET: that was somebody's will.
  bool SeeksPeers() const;
  bool IsKnownAddress(std::string_view ip, std::uint16_t port) const;

 private:
  bool IsNew(NodeIndex index) const;  // a master without slots
  std::vector<NodeIndex> Present() const;
  bool IsSettled(std::int64_t now_ms);
  bool LeadForming();
  bool TakeGrant();
  bool JoinAsReplica();

  ClusterState& state_;
  ClusterBus& bus_;
  FormationGoal goal_;
  std::string seen_;  // who was present last time
  std::int64_t seen_since_ms_ = 0;
};

}  // namespace slotway::storage::cluster
