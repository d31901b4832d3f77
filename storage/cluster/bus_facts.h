// SPDX-License-Identifier: Apache-2.0
// What the cluster bus is told to do, and what it tells of itself. Values.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "storage/cluster/bus_host.h"
#include "storage/cluster/bus_message.h"
#include "storage/cluster/node_id.h"

namespace slotway::storage::cluster {

struct BusSettings {
  std::int64_t node_timeout_ms = 2000;
  // How long a majority's answers allow a master to serve; 0: no lease. Less than the timeout.
  std::int64_t lease_ms = 1500;
  std::string announce_ip;  // empty: peers see the address of the socket
  bool replicates_by_other_port = false;  // see ClusterNode::other_port
  bool allows_replica_migration = true;
  std::int64_t migration_barrier = 1;
  bool never_fails_over = false;
  std::int64_t replicas_to_ack = 0;   // that have what was confirmed to clients; -1: the majority
  std::int64_t validity_factor = 10;  // 0: however old a replica's data is
};

struct BusCounters {
  std::array<std::uint64_t, kBusMessageTypes> sent{};
  std::array<std::uint64_t, kBusMessageTypes> received{};
};

enum class FailoverKind : std::uint8_t { kNormal, kForce, kTakeover };

struct LinkDescription {
  bool is_outgoing;
  NodeId node;
  std::int64_t created_unix_ms;
  LinkId link;
};

}  // namespace slotway::storage::cluster
