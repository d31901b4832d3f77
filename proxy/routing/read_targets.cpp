// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/read_targets.h"

#include <map>
#include <string_view>
#include <utility>

namespace slotway::proxy {

void ReadTargets::UpdateTopology(const protocol::Topology& topology,
                                 std::span<const NodeIndex> index_of) {
  groups_.clear();
  avoided_until_ms_.clear();
  std::map<std::string_view, std::size_t> masters;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const protocol::ClusterNode& node = topology.nodes[i];
    if (node.is_master && index_of[i] != kNoNodeIndex) masters[node.id] = i;
  }
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const protocol::ClusterNode& node = topology.nodes[i];
    auto master = masters.find(node.master_id);
    if (node.is_master || master == masters.end() || index_of[i] == kNoNodeIndex) continue;
    NodeIndex master_index = index_of[master->second];
    Group& group = groups_[master_index];
    group.master = {master_index, topology.nodes[master->second].endpoint};
    group.replicas.push_back({index_of[i], node.endpoint});
  }
  Judge();
}

void ReadTargets::UpdateFacts(ReplicaFactsSnapshot facts) {
  facts_ = std::move(facts);
  Judge();
}

const ReplicaFacts::Node* ReadTargets::FactsOf(const Member& member) const {
  return facts_ == nullptr ? nullptr : facts_->Find(member.endpoint);
}

void ReadTargets::Judge() {
  for (auto& [index, group] : groups_) {
    group.fit.clear();
    group.near.clear();
    const ReplicaFacts::Node* master = FactsOf(group.master);
    if (master != nullptr && master->is_near) group.near.push_back(group.master.node);
    for (const Member& replica : group.replicas) {
      const ReplicaFacts::Node* facts = FactsOf(replica);
      if (facts == nullptr || !facts->is_fit) continue;
      group.fit.push_back(replica.node);
      if (facts->is_near) group.near.push_back(replica.node);
    }
  }
}

std::span<const NodeIndex> ReadTargets::Candidates(NodeIndex master,
                                                   config::ReadPolicy policy) const {
  auto group = groups_.find(master);
  if (group == groups_.end()) return {};
  return policy == config::ReadPolicy::kNearest ? group->second.near : group->second.fit;
}

std::vector<NodeIndex> ReadTargets::SilentReplicas() const {
  std::vector<NodeIndex> silent;
  for (const auto& [index, group] : groups_) {
    for (const Member& replica : group.replicas) {
      const ReplicaFacts::Node* facts = FactsOf(replica);
      if (facts != nullptr && facts->is_silent) silent.push_back(replica.node);
    }
  }
  return silent;
}

}  // namespace slotway::proxy
