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
  kRebalance
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
  std::uint64_t wait_ms = 60'000;  // for nodes to hear of each other
};

// `args` are those behind `slotway cluster`; `environment` gives a variable's value, or nullptr.
runtime::Result<ToolOptions> ParseToolOptions(
    std::span<const std::string_view> args,
    const std::function<const char*(const char* name)>& environment);

// What `slotway cluster --help` prints.
std::string_view ToolHelp();

}  // namespace slotway::proxy
