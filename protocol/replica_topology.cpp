// SPDX-License-Identifier: Apache-2.0
#include "protocol/replica_topology.h"

#include <algorithm>
#include <cstddef>

namespace slotway::protocol {
namespace {

constexpr std::size_t kNodesMax = kNoNode - 1;

std::string IdOf(const Endpoint& endpoint) {
  return endpoint.host + ":" + std::to_string(endpoint.port);
}

bool Follows(const ReplicationView& replica, const ReplicationView& master) {
  return !replica.info.is_master && (replica.info.history_id == master.info.history_id ||
                                     replica.info.master == master.endpoint);
}

std::size_t CountFollowers(const std::vector<ReplicationView>& views,
                           const ReplicationView& master) {
  return static_cast<std::size_t>(
      std::count_if(views.begin(), views.end(),
                    [&](const ReplicationView& view) { return Follows(view, master); }));
}

// Whether `claimant` is the better master of two.
bool Outranks(const std::vector<ReplicationView>& views, const ReplicationView& claimant,
              const ReplicationView& holder) {
  const std::size_t followers = CountFollowers(views, claimant);
  const std::size_t others = CountFollowers(views, holder);
  if (followers != others) return followers > others;
  if (claimant.info.DescendsFrom(holder.info)) return true;
  if (holder.info.DescendsFrom(claimant.info)) return false;
  return claimant.info.offset > holder.info.offset;
}

}  // namespace

const ReplicationView* ChooseMaster(const std::vector<ReplicationView>& views,
                                    const Endpoint* known) {
  const ReplicationView* best = nullptr;
  for (const ReplicationView& view : views) {
    if (!view.info.is_master) continue;
    if (known != nullptr && view.endpoint == *known) return &view;
    if (best == nullptr || Outranks(views, view, *best)) best = &view;
  }
  return best;
}

Topology TopologyOfReplicas(const std::vector<ReplicationView>& views,
                            const ReplicationView& master, const std::vector<Endpoint>& silent,
                            const Topology* known) {
  Topology topology;
  topology.has_slots = false;
  const std::string master_id = IdOf(master.endpoint);
  auto add = [&](const Endpoint& endpoint) -> ClusterNode& {
    ClusterNode& node = topology.nodes.emplace_back();
    node.id = IdOf(endpoint);
    node.endpoint = endpoint;
    node.master_id = master_id;
    return node;
  };
  for (const ReplicationView& view : views) {
    if (topology.nodes.size() >= kNodesMax) break;
    if (&view != &master && !Follows(view, master)) continue;
    ClusterNode& node = add(view.endpoint);
    node.is_asked = true;
    node.is_link_up = view.info.is_link_up && !view.info.is_syncing &&
                      view.info.history_id == master.info.history_id;
    if (&view != &master) continue;
    node.is_master = node.is_link_up = true;
    node.master_id.clear();
  }
  for (const Endpoint& endpoint : silent) {
    if (known == nullptr || topology.nodes.size() >= kNodesMax) break;
    const auto before = std::find_if(
        known->nodes.begin(), known->nodes.end(),
        [&](const ClusterNode& node) { return node.endpoint == endpoint; });
    if (before == known->nodes.end()) continue;
    ClusterNode& node = add(endpoint);
    node.is_suspected = true;
    node.is_failing = before->is_master || before->is_failing;
    node.is_link_up = false;
  }
  std::sort(topology.nodes.begin(), topology.nodes.end(),
            [](const ClusterNode& a, const ClusterNode& b) { return a.id < b.id; });
  const auto owner = std::find_if(topology.nodes.begin(), topology.nodes.end(),
                                  [](const ClusterNode& node) { return node.is_master; });
  if (owner != topology.nodes.end()) {
    topology.owner_of_slot.fill(static_cast<std::uint16_t>(owner - topology.nodes.begin()));
  }
  return topology;
}

const Endpoint* MasterOf(const Topology* topology) {
  if (topology == nullptr) return nullptr;
  const ClusterNode* owner = topology->OwnerOf(Slot{0});
  return owner == nullptr ? nullptr : &owner->endpoint;
}

}  // namespace slotway::protocol
