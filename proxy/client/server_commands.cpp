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
};

std::string ServerSection(const InfoSource& source) {
  return fmt::format(
      "# Server\r\nredis_version:{}\r\nredis_mode:cluster\r\nslotway_version:{}\r\n"
      "os:{}\r\narch_bits:64\r\nmultiplexing_api:libuv\r\nprocess_id:{}\r\nrun_id:{}\r\n"
      "tcp_port:{}\r\nuptime_in_seconds:{}\r\nuptime_in_days:{}\r\n",
      protocol::kRedisVersion, protocol::kSlotwayVersion, runtime::SystemName(),
      runtime::ProcessId(), source.facts.run_id, source.services.settings.listeners.front().port,
      source.facts.uptime_s, source.facts.uptime_s / 86400);
}

std::string ClientsSection(const InfoSource& source) {
  return fmt::format(
      "# Clients\r\nconnected_clients:{}\r\nmaxclients:{}\r\nblocked_clients:0\r\n"
      "held_requests:{}\r\n",
      source.facts.clients, source.services.settings.limits.clients_max,
      source.facts.held_requests);
}

std::string MemorySection(const InfoSource& source) {
  return fmt::format(
      "# Memory\r\nused_memory:{0}\r\nused_memory_rss:{0}\r\nused_memory_peak:{1}\r\n"
      "maxmemory:0\r\nmaxmemory_policy:noeviction\r\n",
      source.process.resident_bytes, source.process.resident_bytes_peak);
}

std::string StatsSection(const InfoSource& source) {
  return fmt::format(
      "# Stats\r\ntotal_connections_received:{}\r\ntotal_commands_processed:{}\r\n"
      "total_net_input_bytes:{}\r\ntotal_net_output_bytes:{}\r\nrejected_connections:{}\r\n",
      source.facts.accepted, source.facts.requests, source.facts.bytes_in, source.facts.bytes_out,
      source.facts.rejected);
}

std::string ReplicationSection(const InfoSource&) {
  return "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n";
}

std::string CpuSection(const InfoSource& source) {
  return fmt::format("# CPU\r\nused_cpu_sys:{:.6f}\r\nused_cpu_user:{:.6f}\r\n",
                     source.process.system_cpu_s, source.process.user_cpu_s);
}

std::string ClusterSection(const InfoSource&) { return "# Cluster\r\ncluster_enabled:1\r\n"; }

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

void Info(LocalCall& call) {
  const WorkerServices& services = call.session.Services();
  InfoSource source{services.process_facts(), runtime::ReadProcessStats(), services};
  std::string text;
  for (const InfoSection& section : kSections) {
    if (!IsSectionWanted(section.name, call.args.subspan(1))) continue;
    if (!text.empty()) text += "\r\n";
    text += section.text(source);
  }
  call.reply.Verbatim("txt", text);
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
