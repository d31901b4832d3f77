// SPDX-License-Identifier: Apache-2.0
// healthcheck: whether a server lives, or serves, as an exit code; for containers without a shell.
#include <charconv>
#include <fmt/core.h>

#include "proxy/cluster_tool/tool_commands.h"
#include "runtime/blocking_client.h"
#include "runtime/http_get.h"

namespace slotway::proxy {
namespace {

using runtime::Fail;
using runtime::Result;

constexpr std::uint64_t kAnswerMs = 4'000;
constexpr int kFine = 200;

Result<void> CheckHttp(std::string_view url) {
  const std::size_t slash = std::min(url.find('/'), url.size());
  const auto place = protocol::ParseEndpoint(url.substr(0, slash));
  if (!place) return Fail("needs http://HOST:PORT/PATH");
  auto server = runtime::BlockingClient::Connect(place->host, place->port, kAnswerMs);
  if (!server) return tl::unexpected(server.error());
  auto answer = runtime::HttpGet(*server, place->host,
                                 slash == url.size() ? "/" : std::string(url.substr(slash)));
  if (!answer) return tl::unexpected(answer.error());
  if (answer->status == kFine) return {};
  return Fail(fmt::format("{} {}", answer->status, answer->body));
}

// Who refuses a login lives as well: a password may just be changing.
Result<void> CheckLives(NodeClient& node) {
  auto reply = node.Ask({"PING"});
  if (reply) return {};
  const std::string& problem = reply.error().text;
  const bool answers = problem.find("WRONGPASS") != problem.npos || problem.find("NOAUTH") != problem.npos ||
                       problem.find("ERR AUTH") != problem.npos || problem.find("LOADING") != problem.npos;
  return answers ? Result<void>() : tl::unexpected(reply.error());
}

// Has loaded its data, follows its master if it has one, and the cluster is whole as it sees it.
Result<void> CheckServes(NodeClient& node) {
  auto ping = node.Call({"PING"});
  if (!ping) return tl::unexpected(ping.error());
  auto replication = node.Call({"INFO", "replication"});
  if (!replication) return tl::unexpected(replication.error());
  const bool is_replica = replication->text.find("role:slave") != std::string::npos;
  if (is_replica && replication->text.find("master_link_status:up") == std::string::npos) {
    return Fail("has no link to its master");
  }
  auto cluster = node.Ask({"CLUSTER", "INFO"});
  if (!cluster) return tl::unexpected(cluster.error());
  const bool is_down = !cluster->IsError() && cluster->text.find("cluster_state:ok") == std::string::npos;
  return is_down ? Fail("says that the cluster is down") : Result<void>();
}

}  // namespace

Result<void> CheckHealth(ClusterSession&, const ToolOptions& options) {
  constexpr std::string_view kHttp = "http://";
  const std::string& target = options.nodes[0];
  if (target.starts_with(kHttp)) return CheckHttp(std::string_view(target).substr(kHttp.size()));
  NodeClient node(*protocol::ParseEndpoint(target), options.login);
  return options.wants_ready ? CheckServes(node) : CheckLives(node);
}

}  // namespace slotway::proxy
