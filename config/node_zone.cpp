// SPDX-License-Identifier: Apache-2.0
// Which zone a node is in, by its host or by the network that it is part of.
#include "config/backend_config.h"
#include "config/network.h"

namespace slotway::config {

bool IsNodePattern(std::string_view nodes) {
  if (nodes.find('/') != std::string_view::npos) return IsNetwork(nodes);
  return !nodes.empty() && nodes.find_first_of(" \t\r\n") == std::string_view::npos;
}

std::string_view ZoneOfNode(const std::vector<NodeZone>& zones, std::string_view host) {
  for (const NodeZone& entry : zones) {
    if (entry.nodes == host || NetworkHolds(entry.nodes, host)) return entry.zone;
  }
  return {};
}

}  // namespace slotway::config
