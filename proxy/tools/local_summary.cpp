// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/local_summary.h"

#include <fmt/core.h>

namespace slotway::proxy {
namespace {

// An address that a client on this machine can connect to.
std::string ReachableHost(const std::string& bind) {
  if (bind == "0.0.0.0") return "127.0.0.1";
  return bind == "::" ? "::1" : bind;
}

void AddRow(std::string& text, const LocalNode& node, int pid, std::size_t shard) {
  std::string address = fmt::format("127.0.0.1:{}", node.port);
  if (node.master >= 0) {
    text += fmt::format("  {:<6} {:<8} {:<16} {}\n", "", "replica", address, pid);
    return;
  }
  text += fmt::format("  {:<6} {:<8} {:<16} {:<8} {}\n", shard, "master", address, pid,
                      node.slots.empty() ? "-" : node.slots);
}

}  // namespace

std::string QuoteForShell(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string ConnectText(const LocalEndpoint& endpoint) {
  std::string host = ReachableHost(endpoint.bind);
  std::string text = fmt::format(
      "Listening on {}:{}\n"
      "  password  {}\n"
      "  connect   redis-cli -h {} -p {} -a {} --no-auth-warning\n",
      endpoint.bind, endpoint.port, endpoint.password, host, endpoint.port,
      QuoteForShell(endpoint.password));
  if (endpoint.admin_port != 0) {
    text += fmt::format("  console   http://127.0.0.1:{}/ (and /metrics /healthz /readyz)\n",
                        endpoint.admin_port);
  }
  return text;
}

std::string ShardTable(std::span<const LocalNode> nodes, std::span<const int> pids) {
  std::string text =
      fmt::format("  {:<6} {:<8} {:<16} {:<8} {}\n", "shard", "role", "address", "pid", "slots");
  std::size_t shard = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].master >= 0) continue;
    AddRow(text, nodes[i], pids[i], ++shard);
    for (std::size_t r = 0; r < nodes.size(); ++r) {
      if (nodes[r].master == static_cast<int>(i)) AddRow(text, nodes[r], pids[r], shard);
    }
  }
  return text;
}

}  // namespace slotway::proxy
