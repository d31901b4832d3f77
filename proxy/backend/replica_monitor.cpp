// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/replica_monitor.h"

#include <algorithm>
#include <set>
#include <utility>

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kIntervalMinMs = 50;
// How long after the questions their answers are judged; later ones count next time.
constexpr std::uint64_t kJudgeAfterMs = 50;
// Differences below this are the machine's noise, not distance.
constexpr std::uint64_t kLatencyNoiseUs = 200;

// An answer is at most two intervals old when it is judged and two more samples' distance may be
// unknown: a quarter of the bound leaves room for a replica that is in step.
std::uint64_t IntervalOf(const config::ReplicasConfig& settings) {
  std::uint64_t interval_ms = settings.check_interval_ms;
  if (settings.staleness_max_ms > 0) {
    interval_ms = std::min<std::uint64_t>(interval_ms, settings.staleness_max_ms / 4);
  }
  return std::max(interval_ms, kIntervalMinMs);
}

std::string AddressOf(const protocol::Endpoint& endpoint) {
  return endpoint.host + ":" + std::to_string(endpoint.port);
}

}  // namespace

ReplicaMonitor::ReplicaMonitor(runtime::EventLoop& loop, const config::BackendConfig& settings,
                               OnFacts on_facts)
    : loop_(loop),
      settings_(settings),
      on_facts_(std::move(on_facts)),
      interval_ms_(IntervalOf(settings.replicas)),
      look_timer_(loop),
      judge_timer_(loop) {}

void ReplicaMonitor::ApplySettings() {
  interval_ms_ = IntervalOf(settings_.replicas);
  look_timer_.Stop();
  judge_timer_.Stop();
  shards_.clear();
  nodes_.clear();  // with their logins
}

void ReplicaMonitor::UpdateTopology(const protocol::Topology& topology) {
  std::map<std::string_view, const protocol::ClusterNode*> masters;
  for (const protocol::ClusterNode& node : topology.nodes) {
    if (node.is_master) masters[node.id] = &node;
  }
  std::map<std::string, std::vector<std::string>> replicas_of;
  std::set<std::string> wanted;
  for (const protocol::ClusterNode& node : topology.nodes) {
    auto master = masters.find(node.master_id);
    if (node.is_master || master == masters.end()) continue;
    if (!runtime::SocketAddress::FromNumeric(node.endpoint.host, node.endpoint.port)) continue;
    std::string master_address = AddressOf(master->second->endpoint);
    replicas_of[master_address].push_back(AddressOf(node.endpoint));
    wanted.insert(AddressOf(node.endpoint));
    Watch(node).is_suspected = node.is_failing || node.is_suspected;
    if (wanted.insert(master_address).second) Watch(*master->second);
  }
  std::erase_if(nodes_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  std::erase_if(histories_, [&](const auto& entry) { return !replicas_of.contains(entry.first); });
  std::size_t shards_before = shards_.size();
  shards_.clear();
  for (auto& [master, replicas] : replicas_of) shards_.push_back({master, std::move(replicas)});
  if (shards_.empty() && shards_before == 0) return;
  if (!look_timer_.IsActive()) {
    look_timer_.Start(0, interval_ms_, [this] { Look(); });
  } else if (shards_.empty()) {
    look_timer_.Stop();
    Judge();
  }
}

ReplicaMonitor::Node& ReplicaMonitor::Watch(const protocol::ClusterNode& node) {
  Node& watched = nodes_[AddressOf(node.endpoint)];
  watched.name = node.hostname;
  if (watched.probe == nullptr) {
    auto address = runtime::SocketAddress::FromNumeric(node.endpoint.host, node.endpoint.port);
    auto login = [this] {
      return LoginOf(settings_);
    };
    watched.probe =
        std::make_unique<NodeProbe>(loop_, address.value_or(runtime::SocketAddress()), login);
  }
  return watched;
}

void ReplicaMonitor::Look() {
  if (std::uint64_t interval_ms = IntervalOf(settings_.replicas); interval_ms != interval_ms_) {
    interval_ms_ = interval_ms;  // a reload
    look_timer_.Start(interval_ms, interval_ms, [this] { Look(); });
  }
  for (auto& [address, node] : nodes_) {
    node.probe->DropIfSilent(2 * interval_ms_);
    node.probe->Ask();
  }
  judge_timer_.Start(std::min(kJudgeAfterMs, interval_ms_ / 2), 0, [this] { Judge(); });
}

bool ReplicaMonitor::IsSilent(const Node& node) const {
  return node.probe->SilentForMs() > 2 * interval_ms_ + kJudgeAfterMs;
}

bool ReplicaMonitor::IsFit(const Node& replica, const OffsetHistory& history) const {
  const auto& info = replica.probe->Info();
  if (!info || info->is_master || info->is_syncing || replica.is_suspected || IsSilent(replica)) {
    return false;
  }
  if (info->history_id != history.HistoryId()) return false;
  if (settings_.replicas.staleness_max_ms == 0) return true;
  auto complete_until_ms = history.TimeOf(info->history_id, info->offset);
  if (!complete_until_ms) return false;
  std::uint64_t age_when_judged_next_ms = loop_.NowMs() - *complete_until_ms + interval_ms_;
  return age_when_judged_next_ms <= settings_.replicas.staleness_max_ms;
}

bool ReplicaMonitor::IsInZone(const Node& node) const {
  const config::ReplicasConfig& replicas = settings_.replicas;
  if (replicas.zone.empty()) return false;
  return config::ZoneOfNode(replicas.node_zones, node.probe->Address().Host()) == replicas.zone ||
         config::ZoneOfNode(replicas.node_zones, node.name) == replicas.zone;
}

ReplicaMonitor::Standing ReplicaMonitor::StandingOf(const std::string& address) const {
  const Node& node = nodes_.at(address);
  const auto& info = node.probe->Info();
  Standing standing;
  standing.node = address;
  standing.answers = info.has_value() && !IsSilent(node);
  standing.is_link_up = info && info->is_link_up;
  standing.latency_us = node.probe->LatencyUs();
  return standing;
}

std::vector<ReplicaMonitor::Standing> ReplicaMonitor::Standings() const {
  std::vector<Standing> standings;
  for (const Shard& shard : shards_) {
    const auto& master = nodes_.at(shard.master).probe->Info();
    standings.push_back(StandingOf(shard.master));
    for (const std::string& replica : shard.replicas) {
      Standing standing = StandingOf(replica);
      standing.master = shard.master;
      const auto& info = nodes_.at(replica).probe->Info();
      if (master && info && !info->is_master && info->history_id == master->history_id) {
        // Who is ahead was asked a moment later.
        standing.lag_bytes = master->offset - std::min(master->offset, info->offset);
      }
      standings.push_back(std::move(standing));
    }
  }
  return standings;
}

void ReplicaMonitor::Judge() {
  ReplicaFacts facts;
  for (const Shard& shard : shards_) JudgeShard(shard, facts);
  if (published_ != nullptr && *published_ == facts) return;
  published_ = std::make_shared<const ReplicaFacts>(std::move(facts));
  on_facts_(published_);
}

void ReplicaMonitor::JudgeShard(const Shard& shard, ReplicaFacts& facts) {
  OffsetHistory& history = histories_[shard.master];
  Node& master = nodes_.at(shard.master);
  const auto& info = master.probe->Info();
  if (info && info->is_master) {
    history.Note(master.probe->AskedAtMs(), info->history_id, info->offset);
  }
  std::vector<std::pair<Node*, ReplicaFacts::Node>> judged;
  auto judge = [&](Node& node, bool is_fit) {
    const runtime::SocketAddress& address = node.probe->Address();
    judged.push_back({&node, {{address.Host(), address.Port()}, is_fit, false, IsSilent(node)}});
  };
  judge(master, false);
  for (const std::string& replica : shard.replicas) {
    judge(nodes_.at(replica), IsFit(nodes_.at(replica), history));
  }
  // The master is judged by its silence only: whoever asks it finds out the rest.
  auto is_usable = [&](const auto& entry) {
    return entry.first == &master ? !entry.second.is_silent : entry.second.is_fit;
  };
  bool has_zone = false;
  std::uint64_t fastest_us = UINT64_MAX;
  for (const auto& entry : judged) {
    if (!is_usable(entry)) continue;
    has_zone = has_zone || IsInZone(*entry.first);
    std::uint64_t latency_us = entry.first->probe->LatencyUs();
    if (latency_us > 0) fastest_us = std::min(fastest_us, latency_us);
  }
  for (auto& entry : judged) {
    auto& [node, fact] = entry;
    std::uint64_t latency_us = node->probe->LatencyUs();
    std::uint64_t margin_us = std::max(fastest_us / 2, kLatencyNoiseUs);
    // Who is in stays in a little longer, so that noise does not send clients to and fro.
    if (node->was_near) margin_us *= 2;
    bool is_fast = latency_us > 0 && latency_us - fastest_us <= margin_us;
    fact.is_near = is_usable(entry) && (has_zone ? IsInZone(*node) : is_fast);
    node->was_near = fact.is_near;
    facts.nodes.push_back(fact);
  }
}

}  // namespace slotway::proxy
