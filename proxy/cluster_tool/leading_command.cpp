// SPDX-License-Identifier: Apache-2.0
// lead: among servers that are no cluster one is the master and all others follow it.
//
// Servers are to start as replicas of nobody, so that none that comes back, perhaps with an empty
// disk, is a master before it was made one. The names on the command line have to be those of single
// servers: replicas are told them, and look them up again when the master's address has changed.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <fmt/core.h>
#include <thread>
#include <tuple>

#include "proxy/cluster_tool/tool_commands.h"
#include "runtime/clock.h"

namespace slotway::proxy {
namespace {

using runtime::Fail;
using runtime::Result;

// A master that does not answer for so long is replaced.
constexpr std::uint64_t kSilentMs = 5'000;

struct Server {
  NodeClient client;
  bool is_reached = false;
  bool is_master = false;
  std::string follows = {};  // host:port
  std::int64_t offset = 0, replicas = 0, keys = 0;
};

std::string FieldOf(const std::string& info, std::string_view name) {
  const std::size_t at = info.find(fmt::format("\n{}:", name));
  if (at == info.npos) return {};
  const std::size_t begin = at + name.size() + 2;
  return info.substr(begin, info.find_first_of("\r\n", begin) - begin);  // wire: a line of INFO
}

std::int64_t NumberOf(const std::string& info, std::string_view name) {
  const std::string text = FieldOf(info, name);
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void Look(Server& server) {
  server.is_reached = false;
  auto info = server.client.Call({"INFO", "replication"});
  auto size = info ? server.client.Call({"DBSIZE"}) : info;
  if (!info || !size) return;
  server.is_reached = true;
  server.is_master = FieldOf(info->text, "role") == "master";
  server.follows = FieldOf(info->text, "master_host") + ":" + FieldOf(info->text, "master_port");
  server.offset = NumberOf(info->text, server.is_master ? "master_repl_offset" : "slave_repl_offset");
  server.replicas = NumberOf(info->text, "connected_slaves");
  server.keys = size->integer;
}

class Leadership {
 public:
  explicit Leadership(const ToolOptions& options) {
    for (const std::string& name : options.nodes) {
      servers_.push_back({NodeClient(*protocol::ParseEndpoint(name), options.login)});
    }
  }

  Result<void> Round() {
    for (Server& server : servers_) Look(server);
    Server* leader = ChooseLeader();
    if (leader == nullptr) return Fail("no server is fit to be the master yet");
    if (!leader->is_master) {
      if (auto done = Tell(*leader, {"REPLICAOF", "NO", "ONE"}); !done) return done;
      Say(leader->client.Name() + " is the master");
    }
    leader_ = leader;
    for (Server& server : servers_) {
      const bool follows = !server.is_master && server.follows == leader->client.Name();
      if (&server == leader || !server.is_reached || follows) continue;
      const protocol::Endpoint& target = leader->client.Endpoint();
      if (auto done = Tell(server, {"REPLICAOF", target.host, std::to_string(target.port)}); !done) return done;
      Say(server.client.Name() + " follows " + leader->client.Name());
    }
    return {};
  }

 private:
  static Result<void> Tell(Server& server, const NodeRequest& request) {
    auto reply = server.client.Call(request);
    return reply ? Result<void>() : tl::unexpected(reply.error());
  }

  // Who leads goes on to; of several masters, whom most follow. Without one: who has most, when all
  // have been asked, or when whoever may be the master was silent for too long.
  Server* ChooseLeader() {
    const std::uint64_t now_ms = runtime::MonotonicMs();
    Server* master = nullptr;
    std::size_t reached = 0;
    for (Server& server : servers_) {
      reached += server.is_reached ? 1 : 0;
      if (!server.is_reached || !server.is_master) continue;
      if (&server == leader_) return has_master_ms_ = now_ms, leader_;
      const bool is_better = master == nullptr || std::tuple(server.replicas, server.offset) >
                                                      std::tuple(master->replicas, master->offset);
      if (is_better) master = &server;
    }
    if (has_master_ms_ == 0) has_master_ms_ = now_ms;
    // A second master beside one that is only out of our sight would be followed by nobody.
    const bool is_silent = now_ms - has_master_ms_ >= kSilentMs && 2 * reached >= servers_.size();
    if (master != nullptr && (leader_ == nullptr || is_silent)) return has_master_ms_ = now_ms, master;
    if (reached != servers_.size() && !is_silent) return nullptr;
    if (master != nullptr) return has_master_ms_ = now_ms, master;
    Server* best = nullptr;
    for (Server& server : servers_) {
      if (!server.is_reached) continue;
      if (best == nullptr || std::tuple(server.offset, server.keys) > std::tuple(best->offset, best->keys)) {
        best = &server;
      }
    }
    has_master_ms_ = now_ms;
    return best;
  }

  std::vector<Server> servers_;
  Server* leader_ = nullptr;
  std::uint64_t has_master_ms_ = 0;  // when one was seen last, or the first look
};

}  // namespace

Result<void> LeadReplicas(ClusterSession&, const ToolOptions& options) {
  Leadership leadership(options);
  std::string told;
  while (true) {
    auto done = leadership.Round();
    std::string problem = done ? std::string() : done.error().text;
    if (problem != told) Say(problem.empty() ? "all is well again" : "not yet: " + problem);
    told = std::move(problem);
    if (options.is_once) return done;
    std::this_thread::sleep_for(std::chrono::milliseconds(options.every_ms));  // poll: servers tell nobody
  }
}

}  // namespace slotway::proxy
