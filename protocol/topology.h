// SPDX-License-Identifier: Apache-2.0
// Who owns which slot: the cluster as seen at one moment, read from what its nodes answer.
//
// A Topology is a value; publish it as an immutable snapshot. Parsing never trusts its input.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "protocol/slot.h"

namespace slotway::protocol {

struct Endpoint {
  std::string host;  // address or name; no brackets around IPv6
  std::uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
};

// "host:port"; IPv6 is split at the last colon, as Redis writes it, brackets around it are dropped.
// An empty host and port 0 are errors.
tl::expected<Endpoint, std::string> ParseEndpoint(std::string_view text);

struct ClusterNode {
  std::string id;        // 40 hexadecimal digits
  Endpoint endpoint;     // for commands
  std::string hostname;  // announced, or empty
  std::uint16_t bus_port = 0;
  bool is_master = false;
  bool is_failing = false;    // "fail" (agreed), not "fail?"
  bool is_suspected = false;  // "fail?"
  bool is_link_up = true;
  bool is_asked = false;  // the view is the node's own ("myself"); after a merge: one view was
  std::string master_id;  // of a replica
  std::uint64_t config_epoch = 0;
};

inline constexpr std::uint16_t kNoNode = 0xffff;

struct Topology {
  std::uint64_t version = 0;                            // counts publications; set by the publisher
  bool has_slots = true;                                // false: one master has all keys
  std::vector<ClusterNode> nodes;                       // at most 65534
  std::array<std::uint16_t, kSlotCount> owner_of_slot;  // index into nodes, or kNoNode

  Topology() { owner_of_slot.fill(kNoNode); }

  // nullptr if nobody owns the slot.
  const ClusterNode* OwnerOf(Slot slot) const {
    std::uint16_t index = owner_of_slot[static_cast<std::size_t>(ToInt(slot))];
    return index == kNoNode ? nullptr : &nodes[index];
  }
  bool CoversAllSlots() const;
  // Whether both send every slot to the same endpoint and know the same replicas, none of them
  // failing in one only.
  bool RoutesLike(const Topology& other) const;
};

// One node's view: the text of CLUSTER NODES (Redis 4 to 7, Valkey; without the bulk header).
// Nodes without an address, in handshake, or gone (noaddr) are left out. `asked` is the address
// the view came from: it stands in for an empty address of the node itself. Any line
// that is not as Redis writes it makes the whole text an error.
tl::expected<Topology, std::string> ParseClusterNodes(std::string_view text, const Endpoint& asked);

// Joins the views of several nodes: each slot goes to the claimant with the highest config epoch
// (then the smaller id, which wins such a tie in the cluster too); of a node known to several views
// the newest knowledge wins: its own view, else the one with the highest epoch. Failing or
// suspected is who is so in any view, linked who is so in any. A node that owns no slot and that
// only its own view lists is left out: the others have forgotten it. Order of views does not
// matter; nodes come sorted by id.
Topology MergeTopologies(std::vector<Topology> views);

// What a redirect says: "MOVED 3999 127.0.0.1:6381", "ASK ...". An empty host, or
// the "?" of a node without a host name, means the host that answered. False if `error` (without
// '-') is neither.
struct Redirect {
  enum class Kind : std::uint8_t { kMoved, kAsk };
  Kind kind;
  Slot slot;
  Endpoint endpoint;
};
bool ParseRedirect(std::string_view error, const Endpoint& answered_by, Redirect& out);

}  // namespace slotway::protocol
