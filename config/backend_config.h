// SPDX-License-Identifier: Apache-2.0
// The settings of the proxy that say what stands behind it, with their defaults.
//
// Values; part of ProxyConfig. Times end in _ms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/tls_config.h"

namespace slotway::config {

struct Endpoint {
  std::string host;
  uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

enum class BackendKind {
  kCluster,
  kMasterReplica,  // seeds are a master and its replicas
  kSentinel,       // seeds are sentinels, who know the master
};

struct TopologyConfig {
  uint32_t refresh_interval_ms = 5000;
  uint32_t refresh_min_interval_ms = 100;  // between two refreshes, whatever asks for them
  uint32_t nodes_asked = 3;                // per refresh; the highest epoch wins
  bool operator==(const TopologyConfig&) const = default;
};

// Who the proxy is to the sentinels; they have users of their own.
struct SentinelConfig {
  std::string master_name;  // required with kind sentinel
  std::string username;
  std::string password;  // after reading: also what password_file held
  std::string previous_password;  // tried, too, when a connection is opened; empty: none
  std::string password_file;
  bool operator==(const SentinelConfig&) const = default;
};

struct NodeZone {
  std::string nodes;  // a host as the topology names it, or 10.1.0.0/16
  std::string zone;
  bool operator==(const NodeZone&) const = default;
};

// Which replicas may answer reads.
struct ReplicasConfig {
  uint32_t staleness_max_ms = 10000;  // a replica that is further behind is skipped; 0: no bound
  uint32_t check_interval_ms = 1000;  // between two looks at a replica's lag and latency
  std::string zone;                   // where this proxy stands; empty: it has none
  std::vector<NodeZone> node_zones;   // the first that fits counts
  bool operator==(const ReplicasConfig&) const = default;
};

struct BackendConfig {
  BackendKind kind = BackendKind::kCluster;
  std::vector<Endpoint> seeds;  // required
  std::string username;         // empty: the backend's default user
  std::string password;         // after reading: also what password_file held
  std::string previous_password;  // tried, too, when a connection is opened; empty: none
  std::string password_file;
  uint32_t password_window_ms = 600000;  // how long a password that was replaced is tried, too
  uint32_t databases = 16;  // of kinds master-replica and sentinel; a cluster has one
  bool keeps_users = true;  // what ACL SETUSER has changed, for all proxies before it
  uint32_t connect_timeout_ms = 1000;
  uint32_t response_timeout_ms = 60000;  // 0: wait for ever
  uint32_t ping_interval_ms = 1000;      // an idle backend connection is probed; 0: never
  TopologyConfig topology;
  SentinelConfig sentinel;
  ReplicasConfig replicas;
  BackendTls tls;  // to sentinels, too
  bool operator==(const BackendConfig&) const = default;
};

// The zone of the node at `host`, empty if no entry fits.
std::string_view ZoneOfNode(const std::vector<NodeZone>& zones, std::string_view host);
// Whether `nodes` is a host or "address/bits" that can fit anything.
bool IsNodePattern(std::string_view nodes);

}  // namespace slotway::config
