// SPDX-License-Identifier: Apache-2.0
// What `slotway cluster` can be told on its command line. Values; pure but for reading the file of
// --password-file.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/topology.h"
#include "proxy/cluster_tool/node_client.h"
#include "runtime/result.h"

namespace slotway::proxy {

enum class ToolAction : std::uint8_t {
  kHelp,
  kCreate,
  kCheck,
  kConverge,
  kAdd,
  kRemove,
  kRebalance,
  kKeep,
  kLeave,
  kLead,
  kHealthcheck
};

struct ToolOptions {
  ToolAction action = ToolAction::kHelp;
  std::vector<std::string> nodes;         // "host:port"; of remove, behind the first, ids as well
  std::optional<int> replicas;            // of each master
  std::string replica_of;                 // add: whom the new nodes copy
  std::map<std::string, double> weights;  // rebalance: by "host:port" or id
  ToolLogin login;
  std::string tls_ca;  // empty: no TLS
  runtime::TlsCertificate tls_certificate;  // for nodes that want one
  std::uint64_t wait_ms = 60'000;  // for nodes to hear of each other; leave: to be sent away
  // keep and leave: how many nodes there are to be, or the StatefulSet that says so.
  std::optional<int> wanted_nodes;
  std::string statefulset;
  std::string account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";
  bool do_others_leave = false;    // keep: members that are no pods of the set go
  std::string hostname;            // leave: empty: this machine's
  std::uint64_t every_ms = 5'000;  // keep, lead: between two looks
  bool is_once = false;            // keep, lead: one look
  bool wants_ready = false;        // healthcheck: serves, and not only lives
};

// `args` are those behind `slotway cluster`; `environment` gives a variable's value, or nullptr.
runtime::Result<ToolOptions> ParseToolOptions(
    std::span<const std::string_view> args,
    const std::function<const char*(const char* name)>& environment);

// What `slotway cluster --help` prints.
std::string_view ToolHelp();

}  // namespace slotway::proxy
