// SPDX-License-Identifier: Apache-2.0
// Who is a master and who copies whom.
//
// Pure, and from what there is: roles that nodes have already are kept, so that a plan which was
// carried out in part is finished by planning again.
#pragma once

#include <compare>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace slotway::proxy {

struct PlacedNode {
  std::string id;
  std::string host;
  std::string master_id;  // empty: a master
  bool has_slots = false;
};

// The masters among `nodes`, as places: who has slots, and else, in their order, who copies nobody,
// until there are `wanted`. Ascending.
std::vector<std::size_t> ChooseMasters(std::span<const PlacedNode> nodes, std::size_t wanted);

struct Following {
  std::string replica;
  std::string master;
  auto operator<=>(const Following&) const = default;
};

// Gives each of `masters` up to `wanted` replicas of those nodes that are neither a master of the
// list nor have slots. Who copies a master of the list stays there, unless that has more than
// wanted and another has less. A replica prefers a host where neither its master nor another
// replica of that is. Only what is to change is told.
std::vector<Following> PlanReplicas(std::span<const PlacedNode> nodes,
                                    std::span<const std::size_t> masters, std::size_t wanted);

}  // namespace slotway::proxy
