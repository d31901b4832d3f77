// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/topology_news.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace slotway::proxy {
namespace {

using protocol::ClusterNode;
using protocol::Topology;
using Kind = TopologyNews::Kind;
using NodesById = std::map<std::string_view, const ClusterNode*>;

NodesById ById(const Topology& topology) {
  NodesById nodes;
  for (const ClusterNode& node : topology.nodes) nodes[node.id] = &node;
  return nodes;
}

const ClusterNode* Find(const NodesById& nodes, std::string_view id) {
  auto found = nodes.find(id);
  return found == nodes.end() ? nullptr : found->second;
}

void TellOfSlots(const Topology& before, const Topology& after, std::vector<TopologyNews>& news) {
  const NodesById known = ById(before);
  // Old owner and new one, and how many slots.
  std::map<std::pair<const ClusterNode*, const ClusterNode*>, std::size_t> moves;
  for (std::size_t slot = 0; slot < before.owner_of_slot.size(); ++slot) {
    const ClusterNode* from = before.OwnerOf(static_cast<protocol::Slot>(slot));
    const ClusterNode* to = after.OwnerOf(static_cast<protocol::Slot>(slot));
    const bool is_same = from == nullptr || to == nullptr ? from == to : from->id == to->id;
    if (!is_same) ++moves[{from, to}];
  }
  for (const auto& [ends, slots] : moves) {
    const auto& [from, to] = ends;
    if (to == nullptr) {
      news.push_back({Kind::kSlotsLost, {}, AddressOf(*from), slots});
    } else if (from == nullptr) {
      news.push_back({Kind::kSlotsRecovered, AddressOf(*to), {}, slots});
    } else {
      const ClusterNode* was = Find(known, to->id);
      const bool followed = was != nullptr && !was->is_master && was->master_id == from->id;
      news.push_back({followed ? Kind::kFailover : Kind::kSlotsMoved, AddressOf(*to),
                      AddressOf(*from), slots});
    }
  }
}

void TellOfNodes(const Topology& before, const Topology& after, std::vector<TopologyNews>& news) {
  const NodesById known = ById(before);
  const NodesById now = ById(after);
  for (const ClusterNode& node : after.nodes) {
    const ClusterNode* was = Find(known, node.id);
    if (was == nullptr) {
      news.push_back({Kind::kNodeJoined, AddressOf(node)});
    } else if (node.is_failing != was->is_failing) {
      news.push_back({node.is_failing ? Kind::kNodeFailed : Kind::kNodeBack, AddressOf(node)});
    }
  }
  for (const ClusterNode& node : before.nodes) {
    if (Find(now, node.id) == nullptr) news.push_back({Kind::kNodeLeft, AddressOf(node)});
  }
}

}  // namespace

std::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kFailover:
      return "failover";
    case Kind::kSlotsMoved:
      return "slots_moved";
    case Kind::kSlotsLost:
      return "slots_lost";
    case Kind::kSlotsRecovered:
      return "slots_recovered";
    case Kind::kNodeFailed:
      return "node_failed";
    case Kind::kNodeBack:
      return "node_back";
    case Kind::kNodeJoined:
      return "node_joined";
    case Kind::kNodeLeft:
      return "node_left";
  }
  return "";
}

std::vector<TopologyNews> NewsBetween(const Topology& before, const Topology& after) {
  std::vector<TopologyNews> news;
  TellOfSlots(before, after, news);
  TellOfNodes(before, after, news);
  std::stable_sort(news.begin(), news.end(), [](const TopologyNews& a, const TopologyNews& b) {
    return std::tie(a.kind, a.node, a.other) < std::tie(b.kind, b.node, b.other);
  });
  return news;
}

std::size_t UnownedSlots(const Topology& topology) {
  if (!topology.has_slots) return 0;
  return static_cast<std::size_t>(std::count(topology.owner_of_slot.begin(),
                                             topology.owner_of_slot.end(), protocol::kNoNode));
}

std::string AddressOf(const ClusterNode& node) {
  return node.endpoint.host + ":" + std::to_string(node.endpoint.port);
}

}  // namespace slotway::proxy
