// SPDX-License-Identifier: Apache-2.0
// Which nodes may answer reads of a master's slots, as far as topology and facts tell.
//
// Whether a connection to them is open is the dispatcher's affair. Belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/topology.h"
#include "proxy/backend/backend_pool.h"
#include "proxy/backend/replica_facts.h"

namespace slotway::proxy {

class ReadTargets {
 public:
  // `index_of` has the pool's index of each node of the topology.
  void UpdateTopology(const protocol::Topology& topology, std::span<const NodeIndex> index_of);
  void UpdateFacts(ReplicaFactsSnapshot facts);

  // Those to choose from, in no order of preference. Empty: there is none, or nothing is known yet.
  std::span<const NodeIndex> Candidates(NodeIndex master, config::ReadPolicy policy) const;
  // Whether anything has been told about replicas yet.
  bool HasFacts() const { return facts_ != nullptr; }
  // All replicas that do not answer.
  std::vector<NodeIndex> SilentReplicas() const;

  // The node refuses work (it loads its data, or has lost its master): others first, for a while.
  void Avoid(NodeIndex node, std::uint64_t until_ms) { avoided_until_ms_[node] = until_ms; }
  bool IsAvoided(NodeIndex node, std::uint64_t now_ms) const {
    if (avoided_until_ms_.empty()) return false;
    auto avoided = avoided_until_ms_.find(node);
    return avoided != avoided_until_ms_.end() && now_ms < avoided->second;
  }

 private:
  struct Member {
    NodeIndex node = kNoNodeIndex;
    protocol::Endpoint endpoint;
  };
  struct Group {
    Member master;
    std::vector<Member> replicas;
    std::vector<NodeIndex> fit;   // of the replicas
    std::vector<NodeIndex> near;  // of the fit ones and the master
  };

  void Judge();
  const ReplicaFacts::Node* FactsOf(const Member& member) const;

  std::unordered_map<NodeIndex, Group> groups_;  // by master
  std::unordered_map<NodeIndex, std::uint64_t> avoided_until_ms_;
  ReplicaFactsSnapshot facts_;
};

}  // namespace slotway::proxy
