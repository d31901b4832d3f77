// SPDX-License-Identifier: Apache-2.0
#include "proxy/console/console_json.h"

#include <algorithm>
#include <map>

#include "protocol/server_version.h"
#include "runtime/clock.h"

namespace slotway::proxy {
namespace {

using protocol::ClusterNode;
using protocol::Topology;
using runtime::JsonWriter;

std::string AddressOf(const ClusterNode& node) {
  return node.endpoint.host + ":" + std::to_string(node.endpoint.port);
}

void WriteViewer(JsonWriter& json, const ConsoleAccess::Viewer& viewer) {
  json.Key("viewer").BeginObject();
  json.Key("user").Text(viewer.user);
  json.Key("needs_login").Bool(viewer.needs_login);
  json.Key("sees_all").Bool(viewer.sees_all);
  json.Key("edits_users").Bool(viewer.edits_users);
  json.EndObject();
}

void WriteProxy(JsonWriter& json, const ConsoleSources& sources, const ConsoleWatch& watch) {
  const ProcessFacts facts = sources.facts();
  const ConsoleCounts& counts = watch.Counts();
  std::string reason;
  const bool is_ready = sources.is_ready(reason);
  json.Key("proxy").BeginObject();
  json.Key("version").Text(protocol::kSlotwayVersion);
  json.Key("run_id").Text(facts.run_id);
  json.Key("uptime_s").Number(facts.uptime_s);
  json.Key("workers").Number(sources.workers);
  json.Key("ready").Bool(is_ready);
  json.Key("reason").Text(reason);
  json.Key("clients").Number(facts.clients);
  json.Key("clients_max").Number(sources.settings.limits.clients_max);
  json.Key("blocked_clients").Number(facts.blocked_clients);
  json.Key("held_requests").Number(facts.held_requests);
  json.Key("lost_writes").Number(counts.lost_writes);
  json.Key("unready_masters").Number(counts.unready_masters);
  json.Key("measures_latency").Bool(!counts.latencies.empty());
  json.EndObject();
}

void WriteSamples(JsonWriter& json, const ConsoleWatch& watch, std::uint64_t since) {
  json.Key("samples").BeginArray();
  for (const ConsoleSample& sample : watch.Samples()) {
    if (sample.number <= since) continue;
    json.BeginObject();
    json.Key("number").Number(sample.number).Key("at_ms").Number(sample.at_ms);
    json.Key("requests").Number(sample.requests).Key("errors").Number(sample.errors);
    json.Key("redirects").Number(sample.redirects);
    json.Key("bytes_in").Number(sample.bytes_in).Key("bytes_out").Number(sample.bytes_out);
    json.Key("clients").Number(sample.clients).Key("held").Number(sample.held);
    json.Key("p50_us").Number(sample.p50_us).Key("p99_us").Number(sample.p99_us);
    json.EndObject();
  }
  json.EndArray();
}

// [[first, last, index of the node], ...]
void WriteSlots(JsonWriter& json, const Topology& topology) {
  json.Key("slots").BeginArray();
  const auto& owners = topology.owner_of_slot;
  for (std::size_t first = 0; first < owners.size();) {
    std::size_t last = first;
    while (last + 1 < owners.size() && owners[last + 1] == owners[first]) ++last;
    if (owners[first] != protocol::kNoNode) {
      json.BeginArray().Number(first).Number(last).Number(owners[first]).EndArray();
    }
    first = last + 1;
  }
  json.EndArray();
}

void WriteVitals(JsonWriter& json, const NodeVitals& vitals) {
  json.Key("info").BeginObject();
  for (const auto& [name, value] : vitals.Info()) json.Key(name).Text(value);
  json.EndObject();
  json.Key("moves").BeginArray();
  for (const SlotMove& move : vitals.Moves()) {
    json.BeginObject().Key("slots").Text(move.slots).Key("to").Text(move.to);
    json.Key("count").Number(move.count).EndObject();
  }
  json.EndArray();
}

void WriteNode(JsonWriter& json, const ClusterNode& node, const ReplicaMonitor::Standing* standing,
               const NodeVitals* vitals) {
  json.BeginObject();
  json.Key("id").Text(node.id).Key("address").Text(AddressOf(node));
  json.Key("hostname").Text(node.hostname);
  json.Key("role").Text(node.is_master ? "master" : "replica");
  json.Key("master_id").Text(node.master_id).Key("epoch").Number(node.config_epoch);
  json.Key("failed").Bool(node.is_failing).Key("suspected").Bool(node.is_suspected);
  if (standing != nullptr) {
    json.Key("latency_us").Number(standing->latency_us);
    json.Key("link_up").Bool(standing->is_link_up);
    if (standing->lag_bytes) json.Key("lag_bytes").Number(*standing->lag_bytes);
  }
  if (vitals != nullptr) WriteVitals(json, *vitals);
  json.EndObject();
}

void WriteCluster(JsonWriter& json, const ConsoleSources& sources, const ConsoleWatch& watch,
                  std::uint64_t known_version) {
  const TopologyRefresher::Snapshot topology = sources.topology();
  json.Key("topology").Number(topology == nullptr ? 0 : topology->version);
  json.Key("nodes").BeginArray();
  if (topology != nullptr) {
    std::map<std::string, const ReplicaMonitor::Standing*> by_address;
    const auto standings = sources.standings();
    for (const auto& standing : standings) by_address[standing.node] = &standing;
    for (const ClusterNode& node : topology->nodes) {
      auto standing = by_address.find(AddressOf(node));
      WriteNode(json, node, standing == by_address.end() ? nullptr : standing->second,
                watch.Find(AddressOf(node)));
    }
  }
  json.EndArray();
  json.Key("has_slots").Bool(topology == nullptr || topology->has_slots);
  if (topology == nullptr || topology->version == known_version) {
    json.Key("slots").Null();
  } else {
    WriteSlots(json, *topology);
  }
}

void WriteEvents(JsonWriter& json, const std::vector<RecentEvent>& events) {
  json.BeginArray();
  for (const RecentEvent& event : events) {
    json.BeginObject().Key("id").Number(event.id).Key("at_ms").Number(event.at_ms);
    for (const auto& [name, value] : event.fields) json.Key(name).Text(value);
    json.EndObject();
  }
  json.EndArray();
}

void WriteSelector(JsonWriter& json, const protocol::AclSelector& selector) {
  json.BeginObject();
  json.Key("commands").Text(selector.CommandRules());
  json.Key("keys").Text(selector.KeyRules());
  json.Key("channels").Text(selector.ChannelRules());
  json.EndObject();
}

}  // namespace

std::string StateJson(const ConsoleSources& sources, const ConsoleWatch& watch,
                      const ConsoleAccess::Viewer& viewer, const ConsoleSince& since) {
  JsonWriter json;
  json.BeginObject();
  json.Key("now_ms").Number(runtime::UnixMs());
  WriteViewer(json, viewer);
  WriteProxy(json, sources, watch);
  WriteSamples(json, watch, since.sample);
  WriteCluster(json, sources, watch, since.topology);
  json.Key("events");
  WriteEvents(json, sources.cluster_events.Since(since.event));
  json.EndObject();
  return json.Take();
}

std::string EventsJson(const std::vector<RecentEvent>& events) {
  JsonWriter json;
  WriteEvents(json, events);
  return json.Take();
}

std::string UsersJson(const UserBook& book, std::size_t users_max) {
  const UserBook::Snapshot users = book.Current();
  JsonWriter json;
  json.BeginObject();
  json.Key("total").Number(users->told.All().size());
  json.Key("users").BeginArray();
  for (const auto& [name, user] : users->told.All()) {
    if (users_max-- == 0) break;
    json.BeginObject();
    json.Key("name").Text(name).Key("on").Bool(user->IsEnabled());
    json.Key("nopass").Bool(user->HasNoPassword());
    json.Key("passwords").Number(user->PasswordHashes().size());
    json.Key("may_do_everything").Bool(user->MayDoEverything());
    json.Key("selectors").BeginArray();
    for (const protocol::AclSelector& selector : user->Selectors()) WriteSelector(json, selector);
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

std::string ClientsJson(std::size_t total, std::span<const std::string> lines) {
  JsonWriter json;
  json.BeginObject();
  json.Key("total").Number(total);
  json.Key("clients").BeginArray();
  for (const std::string& line : lines) json.Text(line);
  json.EndArray().EndObject();
  return json.Take();
}

std::string SlowRequestsJson(std::span<const ConsoleSlowRequest> requests) {
  JsonWriter json;
  json.BeginArray();
  for (const ConsoleSlowRequest& request : requests) {
    json.BeginObject();
    json.Key("at_ms").Number(request.at_ms).Key("took_us").Number(request.took_us);
    json.Key("in_proxy_us").Number(request.in_proxy_us);
    json.Key("client").Text(request.client).Key("node").Text(request.node);
    json.Key("args").BeginArray();
    for (const std::string& arg : request.args) json.Text(arg);
    json.EndArray().EndObject();
  }
  json.EndArray();
  return json.Take();
}

std::string HotKeysJson(std::span<const ConsoleHotKey> keys) {
  JsonWriter json;
  json.BeginArray();
  for (const ConsoleHotKey& key : keys) {
    json.BeginObject().Key("key").Text(key.key);
    json.Key("requests_per_second").Number(key.requests_per_second);
    json.Key("share").Number(key.share).EndObject();
  }
  json.EndArray();
  return json.Take();
}

}  // namespace slotway::proxy
