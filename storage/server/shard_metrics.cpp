// SPDX-License-Identifier: Apache-2.0
#include "storage/server/shard_metrics.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "protocol/command_families.h"
#include "protocol/error_codes.h"
#include "runtime/clock.h"
#include "runtime/process_stats.h"

namespace slotway::storage {
namespace {

using runtime::HistogramSample;
using runtime::MetricKind;
using runtime::MetricSample;

constexpr double kMsPerSecond = 1000;
constexpr double kUsPerSecond = 1'000'000;

struct StatsCount {
  const char* name;
  const char* help;
  std::uint64_t ServerStats::*which;
};

constexpr StatsCount kStatsCounts[] = {
    {"slotway_shard_requests_total", "Commands that ran.", &ServerStats::commands_processed},
    {"slotway_shard_failed_logins_total",
     "Logins with a wrong name or password, or of a disabled user.",
     &ServerStats::authentication_failures},
    {"slotway_shard_denied_commands_total",
     "Requests whose command the rules of their user do not allow.", &ServerStats::denied_commands},
    {"slotway_shard_denied_keys_total",
     "Requests one of whose keys the rules of their user do not allow.", &ServerStats::denied_keys},
    {"slotway_shard_denied_channels_total",
     "Requests one of whose channels the rules of their user do not allow.",
     &ServerStats::denied_channels},
    {"slotway_shard_client_received_bytes_total", "Bytes read from clients.",
     &ServerStats::input_bytes},
    {"slotway_shard_client_sent_bytes_total", "Bytes written to clients.",
     &ServerStats::output_bytes},
    {"slotway_shard_clients_accepted_total", "Connections accepted.",
     &ServerStats::connections_received},
    {"slotway_shard_clients_rejected_total", "Connections refused because of maxclients.",
     &ServerStats::connections_rejected},
    {"slotway_shard_tls_handshakes_total", "TLS handshakes with clients that succeeded.",
     &ServerStats::tls_handshakes},
    {"slotway_shard_tls_handshake_failures_total",
     "TLS handshakes with clients that failed or took too long.",
     &ServerStats::failed_tls_handshakes},
    {"slotway_shard_clients_evicted_total", "Clients cut because of maxmemory-clients.",
     &ServerStats::evicted_clients},
    {"slotway_shard_expired_keys_total", "Keys deleted because their time had come.",
     &ServerStats::expired_keys},
    {"slotway_shard_evicted_keys_total", "Keys deleted because memory was full.",
     &ServerStats::evicted_keys},
    {"slotway_shard_keyspace_hits_total", "Keys that were asked for and found.",
     &ServerStats::keyspace_hits},
    {"slotway_shard_keyspace_misses_total", "Keys that were asked for and not found.",
     &ServerStats::keyspace_misses},
};

struct Figure {
  MetricKind kind;
  const char* name;
  const char* help;
  double (*read)(ServerState&);
};

constexpr Figure kFigures[] = {
    {MetricKind::kGauge, "slotway_shard_clients", "Clients connected now, replicas not counted.",
     [](ServerState& server) {
       return static_cast<double>(server.clients.size() - server.replication.replicas.size());
     }},
    {MetricKind::kGauge, "slotway_shard_blocked_clients", "Clients that wait for something to happen.",
     [](ServerState& server) { return static_cast<double>(server.waiters.ClientCount()); }},
    {MetricKind::kGauge, "slotway_shard_postponed_clients",
     "Clients whose request CLIENT PAUSE holds, or the move of its slot.",
     [](ServerState& server) { return static_cast<double>(server.clients_held_back); }},
    {MetricKind::kGauge, "slotway_shard_tracking_clients", "Clients with CLIENT TRACKING.",
     [](ServerState& server) { return static_cast<double>(server.tracking.ClientCount()); }},
    {MetricKind::kGauge, "slotway_shard_pubsub_channels", "Channels and shard channels with subscribers.",
     [](ServerState& server) {
       return static_cast<double>(server.pubsub.Count(ChannelKind::kChannel) +
                                  server.pubsub.Count(ChannelKind::kShard));
     }},
    {MetricKind::kGauge, "slotway_shard_slow_log_entries", "Entries of SLOWLOG.",
     [](ServerState& server) { return static_cast<double>(server.slow_log.Commands().size()); }},
    {MetricKind::kGauge, "slotway_shard_memory_used_bytes", "What has been allocated: used_memory.",
     [](ServerState& server) { return static_cast<double>(server.UsedMemoryBytes()); }},
    {MetricKind::kGauge, "slotway_shard_memory_data_bytes", "Keys, values and their index.",
     [](ServerState& server) { return static_cast<double>(server.DataBytes()); }},
    {MetricKind::kGauge, "slotway_shard_memory_max_bytes", "maxmemory; 0: no bound.",
     [](ServerState& server) { return static_cast<double>(server.Config().maxmemory_bytes); }},
    {MetricKind::kGauge, "slotway_shard_is_master", "1 if it is a master, 0 if it is a replica.",
     [](ServerState& server) { return server.replication.is_replica ? 0.0 : 1.0; }},
    {MetricKind::kGauge, "slotway_shard_replicas", "Replicas that are attached.",
     [](ServerState& server) { return static_cast<double>(server.replication.replicas.size()); }},
    {MetricKind::kGauge, "slotway_shard_good_replicas",
     "Replicas that are online and were heard within min-replicas-max-lag.",
     [](ServerState& server) { return static_cast<double>(server.replication.good_replicas); }},
    {MetricKind::kGauge, "slotway_shard_master_link_up", "1 if a replica hears its master; 1 at a master.",
     [](ServerState& server) {
       return !server.replication.is_replica || server.replication.master.IsUp() ? 1.0 : 0.0;
     }},
    {MetricKind::kGauge, "slotway_shard_replication_offset_bytes",
     "How much of the stream of changes there has been: master_repl_offset.",
     [](ServerState& server) { return static_cast<double>(server.replication.history.offset); }},
    {MetricKind::kGauge, "slotway_shard_replication_backlog_bytes",
     "What is kept of the stream for replicas.",
     [](ServerState& server) { return static_cast<double>(server.replication.log_bytes); }},
    {MetricKind::kCounter, "slotway_shard_full_syncs_total", "Whole copies begun for replicas.",
     [](ServerState& server) { return static_cast<double>(server.replication.full_syncs); }},
    {MetricKind::kCounter, "slotway_shard_partial_syncs_total", "Replicas that went on where they were.",
     [](ServerState& server) { return static_cast<double>(server.replication.partial_syncs); }},
    {MetricKind::kCounter, "slotway_shard_replication_received_bytes_total", "Bytes of the master's stream.",
     [](ServerState& server) { return static_cast<double>(server.replication.stream_input_bytes); }},
    {MetricKind::kCounter, "slotway_shard_replication_sent_bytes_total", "Bytes of streams to replicas.",
     [](ServerState& server) { return static_cast<double>(server.replication.stream_output_bytes); }},
    {MetricKind::kGauge, "slotway_shard_unsaved_changes", "Changes since the last snapshot.",
     [](ServerState& server) { return static_cast<double>(server.changes_since_save); }},
    {MetricKind::kGauge, "slotway_shard_last_save_timestamp_seconds", "Unix time of the last snapshot.",
     [](ServerState& server) {
       return static_cast<double>(server.persistence.saving.last_save_time_s);
     }},
    {MetricKind::kGauge, "slotway_shard_last_save_failed", "1 if the last snapshot failed.",
     [](ServerState& server) { return server.persistence.saving.has_failed ? 1.0 : 0.0; }},
    {MetricKind::kGauge, "slotway_shard_log_bytes", "Size of the append-only log.",
     [](ServerState& server) { return static_cast<double>(server.persistence.log.bytes); }},
    {MetricKind::kGauge, "slotway_shard_log_unwritten_bytes",
     "What the append-only log's file does not have yet.",
     [](ServerState& server) { return static_cast<double>(server.persistence.log.buffered_bytes); }},
    {MetricKind::kGauge, "slotway_shard_loading", "1 while data is loaded.",
     [](ServerState& server) { return server.persistence.loading.is_loading ? 1.0 : 0.0; }},
    {MetricKind::kGauge, "slotway_shard_uptime_seconds", "Time since the start.",
     [](ServerState& server) {
       return static_cast<double>(server.now_ms - server.start_time_ms) / kMsPerSecond;
     }},
    {MetricKind::kCounter, "slotway_shard_over_memory_seconds_total",
     "How long memory has been above maxmemory.",
     [](ServerState& server) {
       const std::uint64_t since_us = server.stats.over_memory_since_us;
       const std::uint64_t now_us = since_us == 0 ? 0 : runtime::MonotonicUs() - since_us;
       return static_cast<double>(server.stats.over_memory_us + now_us) / kUsPerSecond;
     }},
    {MetricKind::kCounter, "process_cpu_seconds_total", "User and system CPU time.",
     [](ServerState&) {
       const runtime::ProcessStats stats = runtime::ReadProcessStats();
       return stats.user_cpu_s + stats.system_cpu_s;
     }},
    {MetricKind::kGauge, "process_resident_memory_bytes", "Resident memory.",
     [](ServerState&) { return static_cast<double>(runtime::ReadProcessStats().resident_bytes); }},
};

// A bucket of LatencyHistogram doubles, too; its unit are 1024 ns.
std::vector<HistogramSample> TimesOfFamilies(const ServerStats& stats) {
  constexpr std::uint64_t kNsPerUnit = 1024;
  std::vector<HistogramSample> samples;
  for (const std::string_view name : protocol::FamilyNames()) {
    samples.push_back({{{"family", std::string(name)}}, {}});
  }
  for (std::size_t id = 0; id < stats.commands.size(); ++id) {
    const CommandStats& command = stats.commands[id];
    auto& values = samples[protocol::FamilyOf(static_cast<protocol::CommandId>(id))].values;
    for (std::size_t bucket = 0; bucket < LatencyHistogram::kBuckets; ++bucket) {
      const bool is_last = bucket + 1 == LatencyHistogram::kBuckets;
      values.Add(is_last ? runtime::Histogram::kBuckets : bucket, command.latency.CountOf(bucket));
    }
    values.AddToSum(command.time_ns / kNsPerUnit);
  }
  return samples;
}

std::vector<MetricSample> ErrorsByCode(const ServerStats& stats) {
  std::vector<MetricSample> samples;
  for (const std::string_view code : protocol::kErrorCodes) {
    samples.push_back({{{"code", std::string(code)}}, 0});
  }
  for (const auto& [code, count] : stats.errors_by_code) {
    samples[protocol::IndexOfErrorCode(code)].value += static_cast<double>(count);
  }
  return samples;
}

using CountKeys = std::size_t (*)(Keyspace&);

// Of those databases that have been used.
std::vector<MetricSample> KeysByDatabase(ServerState& server, CountKeys count) {
  std::vector<MetricSample> samples;
  for (int i = 0; i < server.DatabaseCount(); ++i) {
    Keyspace* database = server.DatabaseIfUsed(i);
    if (database == nullptr && i != 0) continue;
    const std::size_t keys = database == nullptr ? 0 : count(*database);
    samples.push_back({{{"db", std::to_string(i)}}, static_cast<double>(keys)});
  }
  return samples;
}

}  // namespace

void RegisterShardMetrics(ServerState& server, runtime::MetricsRegistry& registry) {
  constexpr double kSecondsPerUnit = 1024e-9;
  registry.AddHistograms(
      "slotway_shard_request_duration_seconds",
      "Time that commands ran, by family of commands; as LATENCY HISTOGRAM, of fast ones in long "
      "pipelines each 64th is measured and counts for all.",
      [&server] { return TimesOfFamilies(server.stats); }, kSecondsPerUnit);
  registry.AddSamples(MetricKind::kCounter, "slotway_shard_error_replies_total",
                      "Error replies to clients, by their first word.",
                      [&server] { return ErrorsByCode(server.stats); });
  registry.Add(MetricKind::kCounter, "slotway_shard_refused_requests_total",
               "Requests refused before they ran: arity, login, rules, memory, slot.", {}, [&server] {
                 std::uint64_t refused = 0;
                 for (const CommandStats& stats : server.stats.commands) refused += stats.rejected_calls;
                 return static_cast<double>(refused);
               });
  for (const StatsCount& count : kStatsCounts) {
    registry.Add(MetricKind::kCounter, count.name, count.help, {}, [&server, which = count.which] {
      return static_cast<double>(server.stats.*which);
    });
  }
  registry.AddSamples(MetricKind::kGauge, "slotway_shard_keys", "Keys, by database.", [&server] {
    return KeysByDatabase(server, [](Keyspace& database) { return database.VisibleSize(); });
  });
  registry.AddSamples(
      MetricKind::kGauge, "slotway_shard_keys_with_expiry", "Keys that have a time to live, by database.",
      [&server] {
        return KeysByDatabase(server, [](Keyspace& database) { return database.SizeWithExpiry(); });
      });
  for (const Figure& figure : kFigures) {
    registry.Add(figure.kind, figure.name, figure.help, {},
                 [&server, read = figure.read] { return read(server); });
  }
}

}  // namespace slotway::storage
