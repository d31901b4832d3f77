// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/cluster_metrics.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "proxy/server/proxy_server.h"
#include "proxy/server/topology_news.h"

namespace slotway::proxy {
namespace {

using protocol::ClusterNode;
using protocol::Topology;
using runtime::MetricKind;
using runtime::MetricLabels;
using runtime::MetricSample;
using Samples = std::vector<MetricSample>;
using Standing = ReplicaMonitor::Standing;

// A sample for each node of the topology.
template <class ValueOf>
Samples OfEachNode(const ProxyServer& server, ValueOf value_of) {
  Samples samples;
  const auto& topology = server.Topology().Current();
  if (topology == nullptr) return samples;
  for (const ClusterNode& node : topology->nodes) {
    samples.push_back({{{"node", AddressOf(node)}, {"role", node.is_master ? "master" : "replica"}},
                       value_of(*topology, node)});
  }
  return samples;
}

// A sample for each watched node of which there is a value.
template <class ValueOf>
Samples OfEachStanding(const ProxyServer& server, ValueOf value_of) {
  Samples samples;
  for (const Standing& standing : server.Replicas().Standings()) {
    const auto value = value_of(standing);
    if (!value) continue;
    MetricLabels labels = {{"node", standing.node}};
    if (!standing.master.empty()) labels.emplace_back("master", standing.master);
    samples.push_back({std::move(labels), static_cast<double>(*value)});
  }
  return samples;
}

double SlotsOf(const Topology& topology, const ClusterNode& node) {
  const auto index = static_cast<std::uint16_t>(&node - topology.nodes.data());
  return static_cast<double>(
      std::count(topology.owner_of_slot.begin(), topology.owner_of_slot.end(), index));
}

// Masters with slots that no replica could replace now.
double CountUnbacked(const ProxyServer& server) {
  const auto& topology = server.Topology().Current();
  if (topology == nullptr) return 0;
  std::set<std::string_view> backed;
  for (const ClusterNode& node : topology->nodes) {
    if (!node.is_master && !node.is_failing) backed.insert(node.master_id);
  }
  return static_cast<double>(
      std::count_if(topology->nodes.begin(), topology->nodes.end(), [&](const ClusterNode& node) {
        return node.is_master && !backed.contains(node.id) && SlotsOf(*topology, node) > 0;
      }));
}

void AddNodeMetrics(const ProxyServer& server, runtime::MetricsRegistry& registry) {
  registry.AddSamples(MetricKind::kGauge, "slotway_node_up",
                      "1, or 0 while the cluster holds the node for failed.", [&server] {
                        return OfEachNode(server, [](const Topology&, const ClusterNode& node) {
                          return node.is_failing ? 0.0 : 1.0;
                        });
                      });
  registry.AddSamples(MetricKind::kGauge, "slotway_node_slots", "Slots that the node serves.",
                      [&server] { return OfEachNode(server, SlotsOf); });
  registry.AddSamples(MetricKind::kGauge, "slotway_node_latency_seconds",
                      "How long the node takes to answer the proxy's own question, smoothed. Of "
                      "masters with replicas, and of these.",
                      [&server] {
                        return OfEachStanding(server, [](const Standing& standing) {
                          using Seconds = std::optional<double>;
                          if (standing.latency_us == 0) return Seconds();
                          return Seconds(static_cast<double>(standing.latency_us) * 1e-6);
                        });
                      });
  registry.AddSamples(MetricKind::kGauge, "slotway_replica_lag_bytes",
                      "How much of its master's stream of changes the replica has still to apply.",
                      [&server] {
                        return OfEachStanding(
                            server, [](const Standing& standing) { return standing.lag_bytes; });
                      });
  registry.AddSamples(MetricKind::kGauge, "slotway_replica_link_up",
                      "1 if the replica answers and is connected to its master.", [&server] {
                        return OfEachStanding(server, [](const Standing& standing) {
                          if (standing.master.empty()) return std::optional<int>();
                          return std::optional<int>(standing.answers && standing.is_link_up);
                        });
                      });
}

void AddClusterMetrics(const ProxyServer& server, runtime::MetricsRegistry& registry) {
  registry.Add(MetricKind::kGauge, "slotway_unowned_slots", "Slots that no node owns.", {},
               [&server] {
                 const auto& topology = server.Topology().Current();
                 return static_cast<double>(topology == nullptr ? protocol::kSlotCount
                                                                : UnownedSlots(*topology));
               });
  registry.Add(MetricKind::kGauge, "slotway_masters_without_replica",
               "Masters with slots that have no replica, or only failed ones.", {},
               [&server] { return CountUnbacked(server); });
}

void AddSettingsMetrics(const ProxyServer& server, runtime::MetricsRegistry& registry) {
  registry.Add(MetricKind::kGauge, "slotway_clients_max", "limits.clients_max.", {},
               [&server] { return static_cast<double>(server.Settings().limits.clients_max); });
  registry.Add(MetricKind::kGauge, "slotway_settings_last_reload_successful",
               "0 if the last attempt to take over settings or certificates has failed.", {},
               [&server] { return server.IsLastReloadGood() ? 1.0 : 0.0; });
  registry.AddSamples(MetricKind::kGauge, "slotway_certificate_not_after_timestamp_seconds",
                      "When the certificate that is in use expires, in seconds since 1970.",
                      [&server] {
                        Samples samples;
                        for (const auto& end : config::CertificateEndsOf(server.Settings())) {
                          samples.push_back({{{"file", end.file}}, static_cast<double>(end.at_s)});
                        }
                        return samples;
                      });
}

}  // namespace

void RegisterClusterMetrics(const ProxyServer& server, runtime::MetricsRegistry& registry) {
  AddNodeMetrics(server, registry);
  AddClusterMetrics(server, registry);
  AddSettingsMetrics(server, registry);
}

}  // namespace slotway::proxy
