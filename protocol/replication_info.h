// SPDX-License-Identifier: Apache-2.0
// How one node stands in its replication: whose master it is, whom it follows and how far it got.
//
// Read from the text of INFO replication. Parsing never trusts its input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "protocol/topology.h"

namespace slotway::protocol {

struct ReplicationInfo {
  bool is_master = false;
  // The history that the node's data belongs to, and the one it was promoted from (all zeros:
  // none). 40 hexadecimal digits each.
  std::string history_id;
  std::string former_history_id;
  std::uint64_t offset = 0;  // what it has written (a master) or applied (a replica)
  std::uint32_t connected_replicas = 0;
  Endpoint master;          // of a replica: whom it follows
  bool is_link_up = false;  // of a replica: connected to its master
  bool is_syncing = false;  // of a replica: in a full transfer, without the whole of its data

  // Whether this node was promoted while it followed `other`'s history.
  bool DescendsFrom(const ReplicationInfo& other) const;
};

// `text` is INFO replication (or all of INFO) of Redis 4 to 7 or Valkey, without the bulk header.
// An error if the role or what belongs to it is missing or is not as Redis writes it.
tl::expected<ReplicationInfo, std::string> ParseReplicationInfo(std::string_view text);

}  // namespace slotway::protocol
