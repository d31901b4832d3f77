// SPDX-License-Identifier: Apache-2.0
// What `slotway local` prints once everything runs. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/tools/local_layout.h"

namespace slotway::proxy {

struct LocalEndpoint {
  std::string bind;
  std::uint16_t port = 0;
  std::uint16_t admin_port = 0;  // 0: none
  std::string password;
};

// How to connect, and where metrics and health are.
std::string ConnectText(const LocalEndpoint& endpoint);

// One row per node: shard, role, address, pid, slots. `pids` has one for each node.
std::string ShardTable(std::span<const LocalNode> nodes, std::span<const int> pids);

// `text` as one word of a POSIX shell.
std::string QuoteForShell(std::string_view text);

}  // namespace slotway::proxy
