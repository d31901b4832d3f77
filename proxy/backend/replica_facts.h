// SPDX-License-Identifier: Apache-2.0
// What is known of the nodes that may answer reads, beside the topology. An immutable snapshot.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "protocol/topology.h"

namespace slotway::proxy {

struct ReplicaFacts {
  struct Node {
    protocol::Endpoint endpoint;
    bool is_fit = false;     // a replica that is up and not too far behind its master
    bool is_near = false;    // fit, or a master, and among those of its shard to prefer
    bool is_silent = false;  // does not answer, although connections to it may look open
    bool operator==(const Node&) const = default;
  };
  std::vector<Node> nodes;  // masters that have replicas, and replicas
  bool operator==(const ReplicaFacts&) const = default;

  const Node* Find(const protocol::Endpoint& endpoint) const {
    for (const Node& node : nodes) {
      if (node.endpoint == endpoint) return &node;
    }
    return nullptr;
  }
};

// shared: every worker keeps the snapshot as long as it needs it.
using ReplicaFactsSnapshot = std::shared_ptr<const ReplicaFacts>;

}  // namespace slotway::proxy
