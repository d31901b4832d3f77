// SPDX-License-Identifier: Apache-2.0
// Nodes of a session as the plans of roles see them.
#pragma once

#include <string>
#include <vector>

#include "proxy/cluster_tool/cluster_session.h"
#include "proxy/cluster_tool/role_plan.h"

namespace slotway::proxy {

// REQUIRES: all were reached.
inline std::vector<PlacedNode> PlacedNodes(const ClusterSession& session,
                                           const std::vector<std::string>& ids) {
  std::vector<PlacedNode> nodes;
  for (const std::string& id : ids) {
    const protocol::ClusterNode& node = session.View(id).Myself();
    nodes.push_back({.id = id,
                     .host = node.endpoint.host,
                     .master_id = node.is_master ? std::string() : node.master_id,
                     .has_slots = session.View(id).CountSlotsOf(id) != 0});
  }
  return nodes;
}

}  // namespace slotway::proxy
