// SPDX-License-Identifier: Apache-2.0
// What one node says of its cluster, with the slots that it has on the move.
//
// Values; pure. Beyond protocol::Topology, which serves routing, it knows what only reshaping asks
// for: where slots come from and go to, and whether somebody is still shaking hands.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "protocol/topology.h"
#include "runtime/result.h"

namespace slotway::proxy {

struct NodeView {
  protocol::Topology topology;
  std::string my_id;
  std::map<int, std::string> migrating_to;    // slots of mine, and who is to have them
  std::map<int, std::string> importing_from;  // slots of others that come to me
  bool has_handshakes = false;                // somebody has been met and not answered yet

  const protocol::ClusterNode* Find(std::string_view id) const;
  const protocol::ClusterNode& Myself() const { return *Find(my_id); }
  bool IsAlone() const { return topology.nodes.size() == 1 && !has_handshakes; }
  int CountSlotsOf(std::string_view id) const;
  // The same text for every node that sees the same members, roles and owners.
  std::string Digest() const;
};

// The text of CLUSTER NODES, as the node at `asked` answered it.
runtime::Result<NodeView> ParseNodeView(std::string_view text, const protocol::Endpoint& asked);

}  // namespace slotway::proxy
