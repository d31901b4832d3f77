// SPDX-License-Identifier: Apache-2.0
// What happened in the cluster between two topologies: a failover, a node lost, slots that moved.
//
// Pure. Nodes are known by their ids, and told by their addresses.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/topology.h"

namespace slotway::proxy {

struct TopologyNews {
  enum class Kind {
    kFailover,        // `node` has taken the slots of `other`, whose replica it was
    kSlotsMoved,      // `slots` went from `other` to `node`
    kSlotsLost,       // nobody owns them any more
    kSlotsRecovered,  // somebody does again
    kNodeFailed,      // the cluster holds it for failed
    kNodeBack,
    kNodeJoined,
    kNodeLeft,
  };
  Kind kind;
  std::string node = {};   // "host:port", or empty
  std::string other = {};  // of another node
  std::size_t slots = 0;

  bool operator==(const TopologyNews&) const = default;
};

std::string_view NameOf(TopologyNews::Kind kind);

// In the order of the kinds, then of the nodes. Nothing if the two say the same.
std::vector<TopologyNews> NewsBetween(const protocol::Topology& before,
                                      const protocol::Topology& after);

// How many slots nobody owns.
std::size_t UnownedSlots(const protocol::Topology& topology);

std::string AddressOf(const protocol::ClusterNode& node);

}  // namespace slotway::proxy
