// SPDX-License-Identifier: Apache-2.0
// Commands about the server that clients see: COMMAND and INFO.
#include <array>
#include <fmt/format.h>
#include <string>

#include "protocol/ascii.h"
#include "protocol/command_reply.h"
#include "protocol/server_version.h"
#include "proxy/client/client_session.h"
#include "runtime/process_stats.h"

namespace slotway::proxy {
namespace {

void Command(LocalCall& call) {
  protocol::AppendCommandReply(call.args, call.reply.Version(), call.out);
}

struct InfoSource {
  ProcessFacts facts;
  runtime::ProcessStats process;
  const WorkerServices& services;
  bool is_cluster;  // what the client takes us for
  std::uint16_t port;
};

std::string ServerSection(const InfoSource& source) {
  return fmt::format(
      "# Server\nredis_version:{}\nredis_mode:{}\nslotway_version:{}\n"
      "os:{}\narch_bits:64\nmultiplexing_api:libuv\nprocess_id:{}\nrun_id:{}\n"
      "tcp_port:{}\nuptime_in_seconds:{}\nuptime_in_days:{}\n",
      protocol::kRedisVersion, source.is_cluster ? "cluster" : "standalone",
      protocol::kSlotwayVersion, runtime::SystemName(),
      runtime::ProcessId(), source.facts.run_id, source.port,
      source.facts.uptime_s, source.facts.uptime_s / 86400);
}

std::string ClientsSection(const InfoSource& source) {
  return fmt::format(
      "# Clients\nconnected_clients:{}\nmaxclients:{}\nblocked_clients:{}\n"
      "held_requests:{}\n",
      source.facts.clients, source.services.settings.limits.clients_max,
      source.facts.blocked_clients, source.facts.held_requests);
}

std::string MemorySection(const InfoSource& source) {
  return fmt::format(
      "# Memory\nused_memory:{0}\nused_memory_rss:{0}\nused_memory_peak:{1}\n"
      "maxmemory:0\nmaxmemory_policy:noeviction\n",
      source.process.resident_bytes, source.process.resident_bytes_peak);
}

std::string StatsSection(const InfoSource& source) {
  return fmt::format(
      "# Stats\ntotal_connections_received:{}\ntotal_commands_processed:{}\n"
      "total_net_input_bytes:{}\ntotal_net_output_bytes:{}\nrejected_connections:{}\n",
      source.facts.accepted, source.facts.requests, source.facts.bytes_in, source.facts.bytes_out,
      source.facts.rejected);
}

std::string ReplicationSection(const InfoSource&) {
  return "# Replication\nrole:master\nconnected_slaves:0\n";
}

std::string CpuSection(const InfoSource& source) {
  return fmt::format("# CPU\nused_cpu_sys:{:.6f}\nused_cpu_user:{:.6f}\n",
                     source.process.system_cpu_s, source.process.user_cpu_s);
}

std::string ClusterSection(const InfoSource& source) {
  return fmt::format("# Cluster\ncluster_enabled:{}\n", source.is_cluster ? 1 : 0);
}

struct InfoSection {
  std::string_view name;
  std::string (*text)(const InfoSource&);
};

constexpr std::array<InfoSection, 7> kSections = {{
    {"server", ServerSection},
    {"clients", ClientsSection},
    {"memory", MemorySection},
    {"stats", StatsSection},
    {"replication", ReplicationSection},
    {"cpu", CpuSection},
    {"cluster", ClusterSection},
}};

bool IsSectionWanted(std::string_view name, std::span<const std::string_view> asked) {
  if (asked.empty()) return true;
  for (std::string_view word : asked) {
    bool means_all = protocol::EqualsNoCase(word, "all") ||
                     protocol::EqualsNoCase(word, "everything") ||
                     protocol::EqualsNoCase(word, "default");
    if (means_all || protocol::EqualsNoCase(word, name)) return true;
  }
  return false;
}

std::string WithNetworkLineEnds(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '\n') result += '\r';
    result += c;
  }
  return result;
}

void Info(LocalCall& call) {
  const WorkerServices& services = call.session.Services();
  InfoSource source{services.process_facts(), runtime::ReadProcessStats(), services,
                    call.session.Listener().face == config::ListenerFace::kCluster,
                    call.session.LocalAddress().Port()};
  std::string text;
  for (const InfoSection& section : kSections) {
    if (!IsSectionWanted(section.name, call.args.subspan(1))) continue;
    if (!text.empty()) text += "\n";
    text += section.text(source);
  }
  call.reply.Verbatim("txt", WithNetworkLineEnds(text));
}

constexpr std::array kCommands = {
    LocalCommand{"info", Info},
    LocalCommand{"command", Command},
    LocalCommand{"command|count", Command},
    LocalCommand{"command|docs", Command},
    LocalCommand{"command|getkeys", Command},
    LocalCommand{"command|getkeysandflags", Command},
    LocalCommand{"command|help", Command},
    LocalCommand{"command|info", Command},
    LocalCommand{"command|list", Command},
};

}  // namespace

std::span<const LocalCommand> ServerCommands() { return kCommands; }

}  // namespace slotway::proxy
