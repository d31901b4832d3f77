// SPDX-License-Identifier: Apache-2.0
// Manual failover, replica migration, and the other changes of role that somebody asked for.
#include <algorithm>
#include <utility>

#include "storage/cluster/cluster_bus.h"

namespace slotway::storage::cluster {
namespace {

constexpr std::int64_t kManualMs = 5000;
// The master holds back writes for longer than its replica may take.
constexpr std::int64_t kPauseMs = 2 * kManualMs;
constexpr std::int64_t kMigrationDelayMs = 5000;

}  // namespace

std::string ClusterBus::Failover(FailoverKind kind) {
  if (Me().IsMaster()) return "ERR You should send CLUSTER FAILOVER to a replica";
  if (Me().master == kNoNode) return "ERR I'm a replica but my master is unknown to me";
  const ClusterNode& master = state_.Node(Me().master);
  const bool is_down = master.IsFailed() || !PeerOf(Me().master).is_out_up;
  if (kind == FailoverKind::kNormal && is_down) {
    return "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE";
  }
  if (kind != FailoverKind::kTakeover && !replication_.HasCopy()) {
    return "ERR This replica has no copy of its master's data yet";
  }
  ClusterState::Batch batch(state_);
  EndManual();
  if (kind == FailoverKind::kTakeover) {
    Win({.old_master = master.id, .epoch = Epoch(ToInt(state_.MaxEpoch()) + 1)});
    return {};
  }
  manual_.begun_ms = host_.NowMs();
  manual_.ends_ms = host_.NowMs() + kManualMs;
  manual_.can_start = kind == FailoverKind::kForce;
  if (kind == FailoverKind::kNormal) {
    Send(PeerOf(Me().master).out, MessageOf(BusMessageType::kManualFailoverStart));
  }
  election_ = {};
  TickElection();
  return {};
}

void ClusterBus::OnManualStart(NodeIndex sender) {
  const ClusterNode& replica = state_.Node(sender);
  if (!Me().IsMaster() || replica.master != state_.MyIndex()) return;
  EndManual();
  manual_.begun_ms = host_.NowMs();
  manual_.ends_ms = host_.NowMs() + kPauseMs;
  manual_.replica = replica.id;
  host_.Log("manual failover to " + std::string(replica.id.Text()));
  replication_.PauseWrites(kPauseMs);
  // It carries the offset at which writes stand still.
  SendPing(replica.id, BusMessageType::kPing);
}

void ClusterBus::TickManual() {
  if (manual_.ends_ms == 0) return;
  if (host_.NowMs() > manual_.ends_ms) {
    host_.Log("manual failover took too long");
    return EndManual();
  }
  const bool has_all = manual_.target_offset && replication_.Offset() >= *manual_.target_offset;
  if (Me().IsReplica() && has_all) manual_.can_start = true;
}

void ClusterBus::EndManual() {
  if (manual_.replica) replication_.PauseWrites(0);
  manual_ = {};
}

std::string ClusterBus::Meet(const std::string& ip, std::uint16_t port, std::uint16_t bus_port) {
  ClusterState::Batch batch(state_);
  StartHandshake(ip, port, bus_port, true);
  return {};
}

std::string ClusterBus::Replicate(std::string_view id) {
  const NodeIndex master = state_.Find(id);
  if (master == kNoNode) return "ERR Unknown node " + std::string(id);
  if (master == state_.MyIndex()) return "ERR Can't replicate myself";
  if (state_.Node(master).IsReplica()) {
    return "ERR I can only replicate a master, not a replica.";
  }
  if (Me().IsMaster()) {
    bool has_keys = false;
    for (int i = 0; i < protocol::kSlotCount && !has_keys; ++i) {
      has_keys = host_.HasKeys(protocol::Slot(i));
    }
    if (Me().slot_count != 0 || has_keys) {
      return "ERR To set a master the node must be empty and without assigned slots.";
    }
  }
  ClusterState::Batch batch(state_);
  Follow(master);
  return {};
}

void ClusterBus::Reset(bool is_hard, const NodeId& new_id) {
  has_been_reset_ = true;
  if (Me().IsReplica()) {
    replication_.BecomeMaster();
    host_.DropAllKeys();
  }
  EndManual();
  ClusterState::Batch batch(state_);
  for (const NodeId& id : PeerIds()) DropPeer(id);
  while (state_.Nodes().size() > 1) {
    state_.Remove(NodeIndex(state_.MyIndex() == NodeIndex(0) ? 1 : 0));
  }
  const NodeIndex me = state_.MyIndex();
  state_.SetMaster(me);
  for (int i = 0; i < protocol::kSlotCount; ++i) {
    const auto slot = protocol::Slot(i);
    state_.Assign(slot, kNoNode);
    state_.SetMigrating(slot, kNoNode);
    state_.SetImporting(slot, kNoNode);
  }
  if (is_hard) {
    state_.SetConfigEpoch(me, Epoch(0));
    state_.SetCurrentEpoch(Epoch(0));
    state_.SetLastVoteEpoch(Epoch(0));
    state_.Rename(me, new_id);
    state_.ClearShardId(me);
  }
  forgotten_.clear();
  promises_.clear();
  pending_vote_.reset();
  election_ = {};
  victory_.reset();
  saves_.claim = {};
  EndTakeover();
  serves_from_ms_ = 0;
  recovery_ = {};
  handover_ = {};
  followed_.clear();
  must_save_ = true;
}

// A replica of a master that has more of them than it needs goes to a master that has lost its own.
void ClusterBus::TickMigration() {
  if (!settings_.allows_replica_migration || !state_.IsUp() || Me().master == kNoNode) return;
  std::vector<std::vector<NodeIndex>> well(state_.Nodes().size());  // of each master
  for (std::size_t i = 0; i < well.size(); ++i) {
    const ClusterNode& node = state_.Nodes()[i];
    if (node.master == kNoNode || node.IsFailed() || node.IsSuspected()) continue;
    well[static_cast<std::size_t>(node.master)].push_back(NodeIndex(i));
  }
  const std::int64_t now_ms = host_.NowMs();
  const std::size_t mine = well[static_cast<std::size_t>(Me().master)].size();
  NodeIndex target = kNoNode;
  std::size_t most = 0;
  std::optional<NodeId> candidate;
  for (std::size_t i = 0; i < state_.Nodes().size(); ++i) {
    const auto index = NodeIndex(i);
    const ClusterNode& node = state_.Node(index);
    if (!IsVoter(index) || node.IsMyself()) continue;
    const std::vector<NodeIndex>& replicas = well[i];
    Peer& peer = PeerOf(index);
    const bool is_orphan =
        replicas.empty() && peer.has_had_replicas && !node.IsFailed() && !node.IsSuspected();
    if (!is_orphan) {
      peer.orphaned_ms = 0;
    } else if (peer.orphaned_ms == 0) {
      peer.orphaned_ms = now_ms;
    } else if (now_ms - peer.orphaned_ms > kMigrationDelayMs && target == kNoNode) {
      target = index;
    }
    if (replicas.size() < most || replicas.empty()) continue;
    if (replicas.size() > most) candidate.reset();
    most = replicas.size();
    for (NodeIndex replica : replicas) {
      if (!candidate || state_.Node(replica).id < *candidate) candidate = state_.Node(replica).id;
    }
  }
  const bool has_spare = static_cast<std::int64_t>(mine) > settings_.migration_barrier;
  if (target != kNoNode && has_spare && mine == most && candidate == Me().id) Follow(target);
}

std::vector<LinkDescription> ClusterBus::Links() const {
  std::vector<LinkDescription> described;
  for (const auto& [id, link] : links_) {
    if (!link.node) continue;
    described.push_back({link.is_outgoing, *link.node, link.created_unix_ms, id});
  }
  std::sort(described.begin(), described.end(),
            [](const auto& a, const auto& b) { return a.link < b.link; });
  return described;
}

}  // namespace slotway::storage::cluster
