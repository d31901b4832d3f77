// SPDX-License-Identifier: Apache-2.0
// What a node says of its own slots: which it has whole, and where the keys of others are going.
// Pure.
#pragma once

#include <bitset>
#include <map>
#include <optional>
#include <string_view>

#include "protocol/topology.h"

namespace slotway::proxy {

struct SlotView {
  std::bitset<protocol::kSlotCount> whole;        // owned, and not being migrated away
  std::map<int, protocol::Endpoint> migrating_to;  // owned, but keys of it may be there already
  protocol::Topology nodes;                       // who owns what, as this node sees it

  // Where keys of a slot are that are not at this node, as far as it knows.
  std::optional<protocol::Endpoint> WhereElse(int slot) const;
};

// `text` is CLUSTER NODES of the node itself; nothing if it is not as Redis writes it.
std::optional<SlotView> ParseSlotView(std::string_view text);

}  // namespace slotway::proxy
