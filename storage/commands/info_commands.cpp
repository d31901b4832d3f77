// SPDX-License-Identifier: Apache-2.0
// INFO: the state of the server in Redis's field names. What this server has no counterpart of,
// such as forks, is 0, as at a server that has not done it yet.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/server_version.h"
#include "runtime/clock.h"
#include "runtime/process_stats.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/info_memory.h"
#include "storage/commands/info_persistence.h"
#include "storage/commands/info_replication.h"
#include "storage/commands/info_text.h"

namespace slotway::storage {
namespace {

void AddServer(InfoText& text, ServerState& server) {
  std::int64_t uptime_s = (server.now_ms - server.start_time_ms) / 1000;
  text.Section("Server");
  text.Field("redis_version", protocol::kRedisVersion);
  text.Field("slotway_version", protocol::kSlotwayVersion);
  text.Field("redis_git_sha1", "00000000");
  text.Field("redis_git_dirty", 0);
  text.Field("redis_build_id", protocol::kSlotwayVersion);
  text.Field("redis_mode", server.IsClusterEnabled() ? "cluster" : "standalone");
  text.Field("os", runtime::SystemName());
  text.Field("arch_bits", 8 * static_cast<std::int64_t>(sizeof(void*)));
  text.Field("monotonic_clock", "POSIX clock_gettime");
  text.Field("multiplexing_api", "epoll");
  text.Field("atomicvar_api", "c++-builtin");
  text.Field("gcc_version", runtime::CompilerVersion());
  text.Field("process_id", runtime::ProcessId());
  text.Field("process_supervised", "no");
  text.Field("run_id", server.run_id);
  text.Field("tcp_port", config::PortForNodes(server.Config(), server.listening_port, false));
  text.Field("server_time_usec", server.now_ms * 1000);
  text.Field("uptime_in_seconds", uptime_s);
  text.Field("uptime_in_days", uptime_s / 86400);
  text.Field("hz", server.Config().hz);
  text.Field("configured_hz", server.Config().hz);
  constexpr std::int64_t kLruClockMask = (1 << 24) - 1;
  text.Field("lru_clock", server.now_ms / 1000 & kLruClockMask);
  text.Field("executable", runtime::ExecutablePath());
  text.Field("config_file", server.settings.config_file());
  text.Field("io_threads_active", 0);
  const std::int64_t shutdown_at_ms = server.persistence.shutdown_at_ms;
  if (shutdown_at_ms != 0) {
    text.Field("shutdown_in_milliseconds", shutdown_at_ms - server.now_ms);
  }
}

struct BufferSizes {
  std::size_t input = 0;
  std::size_t output = 0;
};

// Of any client now.
BufferSizes LargestBuffers(const ServerState& server) {
  BufferSizes largest;
  for (const auto& [id, client] : server.clients) {
    if (client->connection == nullptr) continue;
    largest.input = std::max(largest.input, client->connection->KeptInputCapacity());
    largest.output = std::max(largest.output, client->connection->UnwrittenBytes());
  }
  return largest;
}

void AddClients(InfoText& text, ServerState& server) {
  text.Section("Clients");
  text.Field("connected_clients", server.clients.size() - server.replication.replicas.size());
  text.Field("cluster_connections", 0);
  text.Field("maxclients", server.Config().maxclients);
  const BufferSizes largest = LargestBuffers(server);
  text.Field("client_recent_max_input_buffer", largest.input);
  text.Field("client_recent_max_output_buffer", largest.output);
  text.Field("blocked_clients", server.waiters.ClientCount() + server.clients_held_back);
  text.Field("tracking_clients", server.tracking.ClientCount());
  text.Field("clients_in_timeout_table", server.waiters.TimedCount());
  text.Field("total_blocking_keys", server.waiters.KeyCount());
  text.Field("total_blocking_keys_on_nokey", server.waiters.KeysMissedCount());
}

void AddStats(InfoText& text, ServerState& server) {
  const ServerStats& stats = server.stats;
  text.Section("Stats");
  text.Field("total_connections_received", stats.connections_received);
  text.Field("total_commands_processed", stats.commands_processed);
  text.Field("instantaneous_ops_per_sec",
             static_cast<std::int64_t>(stats.command_rate.PerSecond()));
  text.Field("total_net_input_bytes", stats.input_bytes);
  text.Field("total_net_output_bytes", stats.output_bytes);
  text.Field("total_net_repl_input_bytes", server.replication.stream_input_bytes);
  text.Field("total_net_repl_output_bytes", server.replication.stream_output_bytes);
  text.Decimal("instantaneous_input_kbps", stats.input_rate.PerSecond() / 1024);
  text.Decimal("instantaneous_output_kbps", stats.output_rate.PerSecond() / 1024);
  text.Decimal("instantaneous_input_repl_kbps", stats.stream_input_rate.PerSecond() / 1024);
  text.Decimal("instantaneous_output_repl_kbps", stats.stream_output_rate.PerSecond() / 1024);
  text.Field("rejected_connections", stats.connections_rejected);
  text.Field("sync_full", server.replication.full_syncs);
  text.Field("sync_partial_ok", server.replication.partial_syncs);
  text.Field("sync_partial_err", server.replication.partial_syncs_refused);
  text.Field("expired_keys", stats.expired_keys);
  text.Decimal("expired_stale_perc", 0);  // keys go when they are due, none by chance
  text.Field("expired_time_cap_reached_count", stats.expire_cycle_limits);
  text.Field("expire_cycle_cpu_milliseconds", stats.expire_cycle_us / 1000);
  text.Field("evicted_keys", stats.evicted_keys);
  text.Field("evicted_clients", stats.evicted_clients);
  const std::uint64_t over_us =
      stats.over_memory_since_us == 0 ? 0 : runtime::MonotonicUs() - stats.over_memory_since_us;
  text.Field("total_eviction_exceeded_time", (stats.over_memory_us + over_us) / 1000);
  text.Field("current_eviction_exceeded_time", over_us / 1000);
  text.Field("keyspace_hits", stats.keyspace_hits);
  text.Field("keyspace_misses", stats.keyspace_misses);
  text.Field("pubsub_channels", server.pubsub.Count(ChannelKind::kChannel));
  text.Field("pubsub_patterns", server.pubsub.Count(ChannelKind::kPattern));
  text.Field("pubsubshard_channels", server.pubsub.Count(ChannelKind::kShard));
  text.Field("latest_fork_usec", 0);
  text.Field("total_forks", 0);
  text.Field("migrate_cached_sockets", 0);
  text.Field("slave_expires_tracked_keys", server.own_keys.Count());
  for (const std::string_view name :
       {"active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits",
        "active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time"}) {
    text.Field(name, 0);
  }
  text.Field("tracking_total_keys", server.tracking.KeyCount());
  text.Field("tracking_total_items", server.tracking.ReaderCount());
  text.Field("tracking_total_prefixes", server.tracking.PrefixCount());
  text.Field("unexpected_error_replies", stats.unexpected_error_replies);
  text.Field("total_error_replies", stats.error_replies);
  text.Field("dump_payload_sanitizations", stats.sanitized_dumps);
  text.Field("total_reads_processed", stats.reads_processed);
  text.Field("total_writes_processed", stats.writes_processed);
  text.Field("io_threaded_reads_processed", 0);
  text.Field("io_threaded_writes_processed", 0);
  text.Field("reply_buffer_shrinks", 0);
  text.Field("reply_buffer_expands", 0);
  text.Field("acl_access_denied_auth", stats.authentication_failures);
  text.Field("acl_access_denied_cmd", stats.denied_commands);
  text.Field("acl_access_denied_key", stats.denied_keys);
  text.Field("acl_access_denied_channel", stats.denied_channels);
}

void AddReplication(InfoText& text, ServerState& server) {
  text.Section("Replication");
  AddReplicationFacts(text, server);
}

std::string Seconds(double seconds) {
  char text[48];
  std::snprintf(text, sizeof text, "%.6f", seconds);
  return text;
}

void AddCpu(InfoText& text, ServerState&) {
  runtime::ProcessStats process = runtime::ReadProcessStats();
  text.Section("CPU");
  text.Field("used_cpu_sys", Seconds(process.system_cpu_s));
  text.Field("used_cpu_user", Seconds(process.user_cpu_s));
  text.Field("used_cpu_sys_children", Seconds(process.system_cpu_of_children_s));
  text.Field("used_cpu_user_children", Seconds(process.user_cpu_of_children_s));
  text.Field("used_cpu_sys_main_thread", Seconds(process.system_cpu_of_thread_s));
  text.Field("used_cpu_user_main_thread", Seconds(process.user_cpu_of_thread_s));
}

void AddModules(InfoText& text, ServerState&) { text.Section("Modules"); }

void AddCommandstats(InfoText& text, ServerState& server) {
  text.Section("Commandstats");
  for (std::size_t id = 0; id < server.stats.commands.size(); ++id) {
    const CommandStats& stats = server.stats.commands[id];
    if (stats.calls == 0 && stats.rejected_calls == 0) continue;
    char line[192];
    double time_us = static_cast<double>(stats.time_ns) / 1000;
    std::snprintf(line, sizeof line,
                  "calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,failed_calls=%llu",
                  static_cast<unsigned long long>(stats.calls),
                  static_cast<unsigned long long>(time_us),
                  stats.calls > 0 ? time_us / static_cast<double>(stats.calls) : 0.0,
                  static_cast<unsigned long long>(stats.rejected_calls),
                  static_cast<unsigned long long>(stats.failed_calls));
    const auto& spec = protocol::CommandById(static_cast<protocol::CommandId>(id));
    text.Field("cmdstat_" + std::string(spec.name), line);
  }
}

// "p50=1.003,p99=2.015": microseconds.
void AddLatencystats(InfoText& text, ServerState& server) {
  text.Section("Latencystats");
  for (std::size_t id = 0; id < server.stats.commands.size(); ++id) {
    const LatencyHistogram& latency = server.stats.commands[id].latency;
    if (latency.Total() == 0) continue;
    std::string line;
    for (const double percent : server.Config().latency_tracking_info_percentiles) {
      char field[64];
      std::snprintf(field, sizeof field, "p%.10g=%.3f", percent,
                    static_cast<double>(latency.PercentileNs(percent)) / 1000);
      if (!line.empty()) line += ',';
      line += field;
    }
    const auto& spec = protocol::CommandById(static_cast<protocol::CommandId>(id));
    text.Field("latency_percentiles_usec_" + std::string(spec.name), line);
  }
}

void AddErrorstats(InfoText& text, ServerState& server) {
  text.Section("Errorstats");
  for (const auto& [code, count] : server.stats.errors_by_code) {
    text.Field("errorstat_" + code, "count=" + std::to_string(count));
  }
}

void AddCluster(InfoText& text, ServerState& server) {
  text.Section("Cluster");
  text.Field("cluster_enabled", server.IsClusterEnabled() ? 1 : 0);
}

// Of some of the keys that have one, in ms; 0: none has.
std::int64_t AverageTtl(Keyspace& database, std::int64_t now_ms) {
  constexpr std::size_t kSamples = 32;
  std::int64_t sum = 0;
  std::int64_t count = 0;
  database.SampleVolatile(kSamples, [&](const Entry& entry) {
    sum += std::max<std::int64_t>(*entry.expire_at_ms() - now_ms, 0);
    ++count;
  });
  return count == 0 ? 0 : sum / count;
}

void AddKeyspace(InfoText& text, ServerState& server) {
  text.Section("Keyspace");
  for (int i = 0; i < server.DatabaseCount(); ++i) {
    Keyspace* database = server.DatabaseIfUsed(i);
    if (database == nullptr || database->VisibleSize() == 0) continue;
    text.Field("db" + std::to_string(i),
               "keys=" + std::to_string(database->VisibleSize()) +
                   ",expires=" + std::to_string(database->SizeWithExpiry()) +
                   ",avg_ttl=" + std::to_string(AverageTtl(*database, server.now_ms)));
  }
}

struct InfoSection {
  std::string_view name;
  void (*add)(InfoText&, ServerState&);
  bool is_default;
};
constexpr InfoSection kSections[] = {
    {"server", &AddServer, true},
    {"clients", &AddClients, true},
    {"memory", &AddMemoryInfo, true},
    {"persistence", &AddPersistenceInfo, true},
    {"stats", &AddStats, true},
    {"replication", &AddReplication, true},
    {"cpu", &AddCpu, true},
    {"modules", &AddModules, true},
    {"commandstats", &AddCommandstats, false},
    {"latencystats", &AddLatencystats, false},
    {"errorstats", &AddErrorstats, true},
    {"cluster", &AddCluster, true},
    {"keyspace", &AddKeyspace, true},
};

void InfoCommand(CommandContext& ctx) {
  auto names = ctx.args.subspan(1);
  auto asks_for = [&](std::string_view name) {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string_view given) { return EqualsNoCase(given, name); });
  };
  bool wants_default = names.empty() || asks_for("default");
  bool wants_all = asks_for("all") || asks_for("everything");
  InfoText text;
  for (const InfoSection& section : kSections) {
    if (wants_all || (wants_default && section.is_default) || asks_for(section.name)) {
      section.add(text, ctx.server);
    }
  }
  ctx.reply.Verbatim("txt", text.Text());
}

}  // namespace

std::span<const HandlerRow> InfoHandlers() {
  static constexpr HandlerRow kRows[] = {{"info", &InfoCommand}};
  return kRows;
}

}  // namespace slotway::storage
