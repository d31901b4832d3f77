// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/request_metrics.h"

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/meters/seen.h"
#include "proxy/server/proxy_server.h"

namespace slotway::proxy {
namespace {

using runtime::Counter;
using runtime::HistogramSample;
using runtime::MetricKind;
using runtime::MetricSample;

constexpr double kSecondsPerUs = 1e-6;
constexpr std::size_t kHottestCounted = 10;

// One count of each node, in every worker's meter of it.
struct NodeCount {
  MetricKind kind;
  const char* name;
  const char* help;
  Counter NodeMeter::*which;
};

constexpr NodeCount kNodeCounts[] = {
    {MetricKind::kCounter, "slotway_backend_sent_bytes_total", "Bytes written to the node.",
     &NodeMeter::sent_bytes},
    {MetricKind::kCounter, "slotway_backend_received_bytes_total", "Bytes read from the node.",
     &NodeMeter::received_bytes},
    {MetricKind::kCounter, "slotway_backend_error_replies_total",
     "Error replies of the node, redirects included.", &NodeMeter::error_replies},
    {MetricKind::kGauge, "slotway_backend_connections",
     "Connections to the node that all clients share.", &NodeMeter::connections},
    {MetricKind::kGauge, "slotway_backend_in_flight_requests",
     "Requests that the node owes an answer to, as of the last quarter of a second.",
     &NodeMeter::in_flight},
    {MetricKind::kGauge, "slotway_backend_unsent_bytes",
     "Bytes that wait to be written to the node, as of the last quarter of a second.",
     &NodeMeter::unsent_bytes},
};

void AddNodes(const WorkerMeters& meters, runtime::MetricsRegistry& registry) {
  registry.AddHistograms(
      "slotway_backend_request_duration_seconds",
      "Time from the reading of a request to the node's answer.",
      [&meters] {
        std::vector<HistogramSample> samples;
        for (auto& [node, latency_us] : LatenciesOfNodes(meters)) {
          samples.push_back({{{"node", node}}, latency_us});
        }
        return samples;
      },
      kSecondsPerUs);
  for (const NodeCount& count : kNodeCounts) {
    registry.AddSamples(count.kind, count.name, count.help, [&meters, which = count.which] {
      std::vector<MetricSample> samples;
      for (const auto& [node, value] : CountsOfNodes(meters, which)) {
        samples.push_back({{{"node", node}}, static_cast<double>(value)});
      }
      return samples;
    });
  }
}

void AddFamilies(const WorkerMeters& meters, runtime::MetricsRegistry& registry) {
  for (std::size_t family = 0; family < protocol::FamilyNames().size(); ++family) {
    std::vector<const runtime::Histogram*> parts;
    for (const auto& meter : meters) parts.push_back(&meter->latency_us[family]);
    registry.AddHistogram("slotway_request_duration_seconds",
                          "Time from the reading of a request to the answer of its shard; one that "
                          "goes to several shards counts for each. By family of commands.",
                          {{"family", std::string(protocol::FamilyNames()[family])}}, std::move(parts),
                          kSecondsPerUs);
  }
}

void AddErrors(const WorkerMeters& meters, runtime::MetricsRegistry& registry) {
  for (std::size_t code = 0; code < protocol::kErrorCodes.size(); ++code) {
    std::vector<const Counter*> parts;
    for (const auto& meter : meters) parts.push_back(&meter->errors[code]);
    registry.Add(MetricKind::kCounter, "slotway_error_replies_total",
                 "Error replies to clients, of shards or the proxy, by their first word.",
                 {{"code", std::string(protocol::kErrorCodes[code])}}, std::move(parts));
  }
}

// Keys are no labels: there is no end to them.
void AddHotKeys(const WorkerMeters& meters, runtime::MetricsRegistry& registry) {
  registry.AddSamples(
      MetricKind::kGauge, "slotway_hot_keys_request_ratio",
      "Which part of the requests of the last minutes was for the hottest key, and for the ten "
      "hottest; see SLOTWAY HOTKEYS.",
      [&meters] {
        const std::vector<HotKeyShare> hottest = HottestKeys(meters, kHottestCounted);
        double of_ten = 0;
        for (const HotKeyShare& key : hottest) of_ten += key.share;
        return std::vector<MetricSample>{
            {{{"keys", "1"}}, hottest.empty() ? 0 : hottest[0].share},
            {{{"keys", "10"}}, of_ten}};
      });
}

}  // namespace

void AddRequestMetrics(const ProxyServer& server, runtime::MetricsRegistry& registry) {
  const WorkerMeters& meters = server.Meters();
  AddFamilies(meters, registry);
  AddErrors(meters, registry);
  AddNodes(meters, registry);
  AddHotKeys(meters, registry);
  std::vector<const Counter*> slow;
  for (const auto& meter : meters) slow.push_back(&meter->slow_requests);
  registry.Add(MetricKind::kCounter, "slotway_slow_requests_total",
               "Requests that took slow_requests.over_ms, whether SLOTWAY SLOWLOG has them or not.",
               {}, std::move(slow));
  std::vector<const Counter*> buffered;
  for (const auto& meter : meters) buffered.push_back(&meter->buffered_bytes);
  registry.Add(MetricKind::kGauge, "slotway_buffered_bytes",
               "Bytes that wait here for clients and shards, see limits.buffered_total_max_bytes.",
               {}, std::move(buffered));
}

}  // namespace slotway::proxy
