// SPDX-License-Identifier: Apache-2.0
// Who is to have slots, and who has to go, when a cluster is to have so many numbered nodes.
//
// Pure, and from what there is: a plan that was carried out in part is finished by planning again.
// Nodes are numbered as the pods of a StatefulSet are; those with the highest numbers go first.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace slotway::proxy {

struct NumberedNode {
  std::string id;
  int ordinal = 0;
  std::string master_id = {};  // empty: a master
  int slots = 0;
};

struct KeepPlan {
  // Who is to have slots, and no one else, those with most of them first. Fewer than there should
  // be where no node is free to become one.
  std::vector<std::string> masters;
  // Replicas of nodes that go: they take over, which is cheaper than to move the slots, and all is
  // planned anew.
  std::vector<std::string> successors;
  std::vector<std::string> leaving;
  std::size_t replicas = 0;  // of each master, so that none is idle
};

// REQUIRES: nodes >= 1.
KeepPlan PlanKeeping(std::span<const NumberedNode> all, int nodes, int replicas);

}  // namespace slotway::proxy
