// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/role_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace slotway::proxy {
namespace {

// A master and who follows it, as places in the list of nodes.
struct Shard {
  std::size_t master;
  std::vector<std::size_t> replicas = {};
};

std::size_t CountOnHost(std::span<const PlacedNode> nodes, const Shard& shard,
                        const std::string& host) {
  std::size_t count = nodes[shard.master].host == host ? 1 : 0;
  for (std::size_t replica : shard.replicas) count += nodes[replica].host == host ? 1 : 0;
  return count;
}

// The shard that needs this spare node most: by the number of replicas, then by hosts.
Shard* Neediest(std::span<const PlacedNode> nodes, std::vector<Shard>& shards,
                const PlacedNode& spare, std::size_t wanted) {
  Shard* best = nullptr;
  auto need = [&](const Shard& shard) {
    return std::tuple(shard.replicas.size(), CountOnHost(nodes, shard, spare.host));
  };
  for (Shard& shard : shards) {
    if (shard.replicas.size() >= wanted) continue;
    if (best == nullptr || need(shard) < need(*best)) best = &shard;
  }
  return best;
}

struct Joining {
  std::size_t replica;
  Shard* shard;
};

void Exchange(Joining& a, Joining& b) {
  std::replace(a.shard->replicas.begin(), a.shard->replicas.end(), a.replica, b.replica);
  std::replace(b.shard->replicas.begin(), b.shard->replicas.end(), b.replica, a.replica);
  std::swap(a.shard, b.shard);
}

// Two that are not where they should be may suit each other's places.
void SpreadOverHosts(std::span<const PlacedNode> nodes, std::vector<Joining>& joining) {
  auto crowding = [&](const Joining& change) {
    return CountOnHost(nodes, *change.shard, nodes[change.replica].host);
  };
  for (Joining& a : joining) {
    for (Joining& b : joining) {
      if (a.shard == b.shard) continue;
      const std::size_t before = crowding(a) + crowding(b);
      Exchange(a, b);
      if (crowding(a) + crowding(b) >= before) Exchange(a, b);
    }
  }
}

}  // namespace

std::vector<std::size_t> ChooseMasters(std::span<const PlacedNode> nodes, std::size_t wanted) {
  std::vector<std::size_t> masters;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].has_slots) masters.push_back(i);
  }
  for (std::size_t i = 0; i < nodes.size() && masters.size() < wanted; ++i) {
    if (!nodes[i].has_slots && nodes[i].master_id.empty()) masters.push_back(i);
  }
  std::sort(masters.begin(), masters.end());
  return masters;
}

std::vector<Following> PlanReplicas(std::span<const PlacedNode> nodes,
                                    std::span<const std::size_t> masters, std::size_t wanted) {
  std::vector<Shard> shards;
  for (std::size_t master : masters) shards.push_back({.master = master});
  std::vector<std::size_t> spare;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].has_slots || std::find(masters.begin(), masters.end(), i) != masters.end()) {
      continue;
    }
    auto shard = std::find_if(shards.begin(), shards.end(), [&](const Shard& candidate) {
      return nodes[candidate.master].id == nodes[i].master_id;
    });
    if (shard == shards.end() || shard->replicas.size() >= wanted) {
      spare.push_back(i);
    } else {
      shard->replicas.push_back(i);
    }
  }
  std::vector<Joining> joining;
  for (std::size_t place : spare) {
    Shard* shard = Neediest(nodes, shards, nodes[place], wanted);
    if (shard == nullptr) break;
    shard->replicas.push_back(place);
    joining.push_back({place, shard});
  }
  SpreadOverHosts(nodes, joining);
  std::vector<Following> changes;
  for (const Joining& change : joining) {
    changes.push_back({nodes[change.replica].id, nodes[change.shard->master].id});
  }
  return changes;
}

}  // namespace slotway::proxy
