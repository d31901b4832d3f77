// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/proxy_metrics.h"

#include <array>
#include <string>
#include <vector>

#include "proxy/server/proxy_server.h"
#include "proxy/server/request_metrics.h"
#include "runtime/process_stats.h"

namespace slotway::proxy {
namespace {

using runtime::Counter;
using runtime::MetricKind;

// One count that every worker keeps, in either of its two groups of counters.
template <class Group>
struct WorkerCount {
  MetricKind kind;
  const char* name;
  const char* help;
  Counter Group::*which;
};

constexpr auto kSessionCounts = std::to_array<WorkerCount<SessionCounters>>({
    {MetricKind::kCounter, "slotway_requests_total", "Requests read from clients.",
     &SessionCounters::requests},
    {MetricKind::kCounter, "slotway_local_requests_total", "Requests answered by the proxy itself.",
     &SessionCounters::local_requests},
    {MetricKind::kCounter, "slotway_refused_requests_total",
     "Requests refused by the proxy: unknown, wrong arity, not authenticated.",
     &SessionCounters::refused_requests},
    {MetricKind::kCounter, "slotway_failed_logins_total",
     "Logins with a wrong name or password, or of a disabled user.",
     &SessionCounters::failed_logins},
    {MetricKind::kCounter, "slotway_denied_commands_total",
     "Requests whose command the rules of their user do not allow.",
     &SessionCounters::denied_commands},
    {MetricKind::kCounter, "slotway_denied_keys_total",
     "Requests one of whose keys the rules of their user do not allow.",
     &SessionCounters::denied_keys},
    {MetricKind::kCounter, "slotway_denied_channels_total",
     "Requests one of whose channels the rules of their user do not allow.",
     &SessionCounters::denied_channels},
    {MetricKind::kCounter, "slotway_protocol_errors_total", "Clients that broke the protocol.",
     &SessionCounters::protocol_errors},
    {MetricKind::kCounter, "slotway_client_received_bytes_total", "Bytes read from clients.",
     &SessionCounters::bytes_in},
    {MetricKind::kCounter, "slotway_client_sent_bytes_total", "Bytes written to clients.",
     &SessionCounters::bytes_out},
    {MetricKind::kGauge, "slotway_clients", "Clients connected now.", &SessionCounters::clients},
    {MetricKind::kCounter, "slotway_clients_accepted_total", "Connections accepted.",
     &SessionCounters::accepted},
    {MetricKind::kCounter, "slotway_clients_rejected_total",
     "Connections refused because of limits.clients_max.", &SessionCounters::rejected},
    {MetricKind::kCounter, "slotway_tls_handshakes_total", "TLS handshakes with clients that succeeded.",
     &SessionCounters::handshakes},
    {MetricKind::kCounter, "slotway_tls_handshake_failures_total",
     "TLS handshakes with clients that failed, took too long or were too many.",
     &SessionCounters::failed_handshakes},
    {MetricKind::kCounter, "slotway_clients_cut_total",
     "Clients disconnected by the proxy: idle, or too much output.", &SessionCounters::cut},
    {MetricKind::kGauge, "slotway_postponed_clients",
     "Clients whose request CLIENT PAUSE holds.", &SessionCounters::postponed_clients},
    {MetricKind::kCounter, "slotway_clients_paced_total",
     "Times that a client was not read for a while because of the rates of its user.",
     &SessionCounters::paced},
    {MetricKind::kGauge, "slotway_paced_clients",
     "Clients that are not read now because of the rates of their users.",
     &SessionCounters::paced_clients},
    {MetricKind::kGauge, "slotway_unauthenticated_clients",
     "Clients that have to log in and have not yet.", &SessionCounters::strangers},
    {MetricKind::kCounter, "slotway_unauthenticated_clients_cut_total",
     "Clients disconnected because they did not log in, in time or before others came.",
     &SessionCounters::strangers_cut},
    {MetricKind::kGauge, "slotway_tracking_clients", "Clients with CLIENT TRACKING.",
     &SessionCounters::tracking_clients},
    {MetricKind::kCounter, "slotway_invalidations_total",
     "Invalidation messages of CLIENT TRACKING sent.", &SessionCounters::invalidations},
});

constexpr auto kDispatcherCounts = std::to_array<WorkerCount<DispatcherCounters>>({
    {MetricKind::kCounter, "slotway_redirects_moved_total", "MOVED answers followed.",
     &DispatcherCounters::moved},
    {MetricKind::kCounter, "slotway_redirects_ask_total", "ASK answers followed.",
     &DispatcherCounters::asked},
    {MetricKind::kCounter, "slotway_replica_reads_total", "Reads sent to replicas.",
     &DispatcherCounters::replica_reads},
    {MetricKind::kCounter, "slotway_retries_total",
     "Requests sent again after TRYAGAIN, CLUSTERDOWN, LOADING and the like.",
     &DispatcherCounters::retried},
    {MetricKind::kCounter, "slotway_held_requests_total", "Requests held back for a shard.",
     &DispatcherCounters::held},
    {MetricKind::kGauge, "slotway_held_requests", "Requests held back now.",
     &DispatcherCounters::held_now},
    {MetricKind::kGauge, "slotway_blocked_clients",
     "Clients that wait at shards for something to happen.", &DispatcherCounters::blocked_now},
    {MetricKind::kGauge, "slotway_private_connections",
     "Connections to shards that one client has for itself: it blocks or watches.",
     &DispatcherCounters::private_now},
    {MetricKind::kCounter, "slotway_hold_expired_total",
     "Requests failed because hold.time_max_ms ran out.", &DispatcherCounters::hold_expired},
    {MetricKind::kCounter, "slotway_hold_refused_total",
     "Requests failed because no more could be held.", &DispatcherCounters::hold_refused},
    {MetricKind::kCounter, "slotway_lost_writes_total",
     "Writes that were sent and whose outcome is unknown.", &DispatcherCounters::lost},
    {MetricKind::kCounter, "slotway_backend_connects_total", "Connections opened to shards.",
     &DispatcherCounters::backend_connects},
    {MetricKind::kCounter, "slotway_backend_failures_total",
     "Connections to shards that failed or ended.", &DispatcherCounters::backend_failures},
    {MetricKind::kGauge, "slotway_unready_masters",
     "Masters without an open connection, summed over the workers.",
     &DispatcherCounters::unready_masters},
});

constexpr auto kPubsubCounts = std::to_array<WorkerCount<PubsubCounters>>({
    {MetricKind::kGauge, "slotway_pubsub_clients", "Clients with subscriptions.",
     &PubsubCounters::subscribers},
    {MetricKind::kGauge, "slotway_pubsub_subscriptions",
     "Channels, patterns and shard channels that clients are subscribed to, all clients together.",
     &PubsubCounters::subscriptions},
    {MetricKind::kGauge, "slotway_pubsub_upstream_subscriptions",
     "Subscriptions of the workers at shards.", &PubsubCounters::upstream},
    {MetricKind::kCounter, "slotway_pubsub_received_messages_total", "Messages from shards.",
     &PubsubCounters::received},
    {MetricKind::kCounter, "slotway_pubsub_delivered_messages_total", "Messages to clients.",
     &PubsubCounters::delivered},
    {MetricKind::kCounter, "slotway_pubsub_clients_cut_total",
     "Subscribers cut because they did not take their messages.", &PubsubCounters::cut},
});

template <class Group, std::size_t kSize, class GroupOf>
void AddWorkerCounts(const ProxyServer& server, runtime::MetricsRegistry& registry,
                     const std::array<WorkerCount<Group>, kSize>& counts, GroupOf group_of) {
  for (const WorkerCount<Group>& count : counts) {
    std::vector<const Counter*> parts;
    for (const auto& worker : server.Workers()) {
      parts.push_back(&(group_of(*worker).*count.which));
    }
    registry.Add(count.kind, count.name, count.help, {}, std::move(parts));
  }
}

double CountNodes(const ProxyServer& server, bool masters) {
  const auto& topology = server.Topology().Current();
  double count = 0;
  if (topology == nullptr) return count;
  for (const auto& node : topology->nodes) {
    if (node.is_master == masters) ++count;
  }
  return count;
}

void AddProcessMetrics(const ProxyServer& server, runtime::MetricsRegistry& registry) {
  registry.Add(MetricKind::kCounter, "process_cpu_seconds_total", "User and system CPU time.", {},
               [] {
                 runtime::ProcessStats stats = runtime::ReadProcessStats();
                 return stats.user_cpu_s + stats.system_cpu_s;
               });
  registry.Add(MetricKind::kGauge, "process_resident_memory_bytes", "Resident memory.", {},
               [] { return static_cast<double>(runtime::ReadProcessStats().resident_bytes); });
  registry.Add(MetricKind::kGauge, "slotway_uptime_seconds", "Time since the start.", {},
               [&server] { return static_cast<double>(server.Facts().uptime_s); });
}

}  // namespace

void RegisterProxyMetrics(const ProxyServer& server, runtime::MetricsRegistry& registry) {
  AddWorkerCounts(
      server, registry, kSessionCounts,
      [](const ProxyWorker& worker) -> auto& { return worker.Sessions(); });
  AddWorkerCounts(
      server, registry, kDispatcherCounts,
      [](const ProxyWorker& worker) -> auto& { return worker.Dispatch(); });
  AddWorkerCounts(
      server, registry, kPubsubCounts,
      [](const ProxyWorker& worker) -> auto& { return worker.Pubsub(); });
  registry.Add(MetricKind::kCounter, "slotway_topology_rounds_total",
               "Times that nodes were asked for the topology.", {},
               [&server] { return static_cast<double>(server.Topology().Rounds()); });
  registry.Add(MetricKind::kCounter, "slotway_topology_changes_total",
               "Times that the topology was found changed.", {},
               [&server] { return static_cast<double>(server.Topology().Changes()); });
  registry.Add(MetricKind::kCounter, "slotway_failovers_total",
               "Times that a replica was seen to have taken its master's slots.", {},
               [&server] { return static_cast<double>(server.Chronicle().Failovers()); });
  for (bool masters : {true, false}) {
    registry.Add(MetricKind::kGauge, "slotway_cluster_nodes", "Nodes of the cluster, by role.",
                 {{"role", masters ? "master" : "replica"}},
                 [&server, masters] { return CountNodes(server, masters); });
  }
  registry.Add(MetricKind::kCounter, "slotway_settings_reloads_total",
               "Times that settings were taken over while running.", {},
               [&server] { return static_cast<double>(server.Reloads().Get()); });
  registry.Add(MetricKind::kGauge, "slotway_ready", "1 if every slot can be served now.", {},
               [&server] {
                 std::string reason;
                 return server.IsReady(reason) ? 1.0 : 0.0;
               });
  AddRequestMetrics(server, registry);
  AddProcessMetrics(server, registry);
}

}  // namespace slotway::proxy
