// SPDX-License-Identifier: Apache-2.0
// Commands about the server that clients see: COMMAND, INFO, ROLE.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "protocol/command_reply.h"
#include "protocol/server_version.h"
#include "proxy/client/client_session.h"
#include "proxy/operations/info_gather.h"
#include "runtime/process_stats.h"

namespace slotway::proxy {
namespace {

void Command(LocalCall& call) {
  protocol::AppendCommandReply(call.args, call.reply.Version(), call.out,
                               call.session.Services().learned.get());
}

std::string Text(std::uint64_t number) { return std::to_string(number); }

// What a client means by the server it is connected to.
std::vector<OwnInfoField> OwnFields(ClientSession& session) {
  const WorkerServices& services = session.Services();
  ProcessFacts facts = services.process_facts();
  const config::LimitsConfig& limits = services.settings.limits;
  bool is_cluster = session.Listener().face == config::ListenerFace::kCluster;
  return {
      {"Server", "redis_version", std::string(protocol::kRedisVersion)},
      {"Server", "redis_mode", is_cluster ? "cluster" : "standalone"},
      {"Server", "os", runtime::SystemName()},
      {"Server", "arch_bits", "64"},
      {"Server", "multiplexing_api", "libuv"},
      {"Server", "process_id", Text(static_cast<std::uint64_t>(runtime::ProcessId()))},
      {"Server", "run_id", std::string(facts.run_id)},
      {"Server", "tcp_port", Text(session.LocalAddress().Port())},
      {"Server", "uptime_in_seconds", Text(facts.uptime_s)},
      {"Server", "uptime_in_days", Text(facts.uptime_s / 86400)},
      {"Server", "slotway_version", std::string(protocol::kSlotwayVersion)},
      {"Clients", "connected_clients", Text(facts.clients)},
      {"Clients", "maxclients", Text(limits.clients_max)},
      {"Clients", "blocked_clients", Text(facts.blocked_clients)},
      {"Clients", "tracking_clients", Text(facts.tracking_clients)},
      {"Clients", "held_requests", Text(facts.held_requests)},
      {"Stats", "total_connections_received", Text(facts.accepted)},
      {"Stats", "total_net_input_bytes", Text(facts.bytes_in)},
      {"Stats", "total_net_output_bytes", Text(facts.bytes_out)},
      {"Stats", "rejected_connections", Text(facts.rejected)},
      {"Stats", "slotway_requests", Text(facts.requests)},
      {"Stats", "acl_access_denied_auth", Text(facts.failed_logins)},
      {"Stats", "acl_access_denied_cmd", Text(facts.denied_commands)},
      {"Stats", "acl_access_denied_key", Text(facts.denied_keys)},
      {"Stats", "acl_access_denied_channel", Text(facts.denied_channels)},
      {"Replication", "role", "master"},
      {"Replication", "connected_slaves", "0"},
      {"Cluster", "cluster_enabled", is_cluster ? "1" : "0"},
  };
}

void Info(LocalCall& call) {
  ClientSession& session = call.session;
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, call.args);
  const WorkerServices& services = session.Services();
  Request request{call.args, bytes, &call.spec, protocol::IdOf(call.spec)};
  std::vector<OwnInfoField> own = OwnFields(session);
  GatherInfo({services.dispatcher, services.settings, request, session.Replies(),
              session.OpenPlace(), session.OwnLane()},
             std::move(own));
}

// What stands behind the address that the client reached is always a master.
void Role(LocalCall& call) {
  call.reply.Array(3);
  call.reply.Bulk("master");
  call.reply.Integer(0);
  call.reply.Array(0);
}

constexpr std::array kCommands = {
    LocalCommand{"info", Info},
    LocalCommand{"role", Role},
    LocalCommand{"command", Command},
    LocalCommand{"command|count", Command},
    LocalCommand{"command|getkeys", Command},
    LocalCommand{"command|getkeysandflags", Command},
    LocalCommand{"command|help", Command},
    LocalCommand{"command|info", Command},
    LocalCommand{"command|list", Command},
};

}  // namespace

std::span<const LocalCommand> ServerCommands() { return kCommands; }

}  // namespace slotway::proxy
