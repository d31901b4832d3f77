// SPDX-License-Identifier: Apache-2.0
// A master that should not be one: it was started with less of its data than a replica has, or it
// is about to go. Either way a replica is asked to take over.
//
// Redis's replicas can be asked as well as ours: it is CLUSTER FAILOVER, said by a client.
#include <algorithm>
#include <string>

#include "storage/cluster/cluster_bus.h"
#include "storage/cluster/slot_guard.h"

namespace slotway::storage::cluster {
namespace {

// In node timeouts: for so long a master without its data waits for replicas that say nothing.
constexpr std::int64_t kPatience = 2;
constexpr std::int64_t kAskAgainMsMin = 1000;
// A replica that was asked so often does not listen: then the others have to give this node up.
constexpr int kAskedMax = 3;

// Of the replicas of this node that follow its stream the one that has acknowledged most, if it may
// take over. Of who has its copy since a moment ago only replication knows that: the bus hears of
// offsets with the next ping.
NodeIndex LinkedHeir(const ClusterState& state, const ReplicationPort& replication,
                     EndpointView view) {
  NodeIndex best = kNoNode;
  std::int64_t most = -1;
  for (NodeIndex replica : state.ReplicasOf(state.MyIndex())) {
    const ClusterNode& node = state.Node(replica);
    if (node.IsFailed() || node.IsSuspected() || node.flags.Has(NodeFlag::kNoFailover)) continue;
    const auto acknowledged = replication.AcknowledgedFrom(node.ip, PortFor(node, view));
    if (!acknowledged || *acknowledged <= most) continue;
    most = *acknowledged;
    best = replica;
  }
  return best;
}

}  // namespace

void ClusterBus::OnLoaded(bool is_all) {
  if (is_all || !IsVoter(state_.MyIndex())) return;
  bool is_certain = true;
  if (BestHeir(replication_.Offset(), Heirs::kAll, is_certain) == kNoNode && is_certain) return;
  recovery_.begun_ms = host_.NowMs();
  host_.Log("serves nothing before its replicas have said that they have no more data than it");
  TickRecovery();
}

// Also a master without slots: it may have become one while this node was away, or be one that was
// elected by old votes (see below) and takes that back in a moment.
bool ClusterBus::MayBeMyReplica(NodeIndex index) {
  const ClusterNode& node = state_.Node(index);
  if (node.IsMyself() || IsHandshake(index)) return false;
  return node.IsReplica() ? node.master == state_.MyIndex() : node.slot_count == 0;
}

// Of my replicas that are well the one with most data, if it has more than that.
// `is_everybody_heard` is false if another one may have more.
NodeIndex ClusterBus::BestHeir(std::int64_t beyond_offset, Heirs heirs,
                                bool& is_everybody_heard) {
  NodeIndex best = kNoNode;
  std::int64_t most = beyond_offset;
  is_everybody_heard = true;
  for (std::size_t i = 0; i < state_.Nodes().size(); ++i) {
    const auto replica = NodeIndex(i);
    if (!MayBeMyReplica(replica)) continue;
    const ClusterNode& node = state_.Node(replica);
    if (heirs == Heirs::kThoseThatFailOver && node.flags.Has(NodeFlag::kNoFailover)) continue;
    const bool is_heard = PeerOf(replica).is_heard;
    if (is_heard && node.repl_offset <= beyond_offset) continue;
    if (!is_heard || node.IsFailed() || node.IsSuspected() || node.IsMaster()) {
      is_everybody_heard = false;
    } else if (node.repl_offset > most) {
      most = node.repl_offset;
      best = replica;
    }
  }
  return best;
}

void ClusterBus::TickRecovery() {
  if (recovery_.begun_ms == 0 || IsSilent()) return;
  if (!IsVoter(state_.MyIndex())) {
    recovery_ = {};
    return;
  }
  const std::int64_t now_ms = host_.NowMs();
  const std::int64_t waited_ms = now_ms - recovery_.begun_ms;
  bool is_everybody_heard = false;
  const NodeIndex heir = BestHeir(replication_.Offset(), Heirs::kAll, is_everybody_heard);
  if (heir == kNoNode) {
    const bool was_seen = recovery_.seen_ms != 0;
    if (is_everybody_heard && !was_seen) return EndRecovery("no replica has more data than it");
    // One that was there may be back: Redis's count old votes if they fail over again too soon, win
    // an epoch that nobody accepts, and are replicas again a moment later.
    const std::int64_t since_ms = was_seen ? recovery_.seen_ms : recovery_.begun_ms;
    if (now_ms - since_ms > kPatience * Timeout())
      EndRecovery("no replica with more data is there");
    return;
  }
  recovery_.seen_ms = now_ms;
  if (!is_everybody_heard && waited_ms < Timeout() / 2) return;
  const bool was_asked = recovery_.asked_ms != 0;
  if (was_asked && now_ms - recovery_.asked_ms < std::max(Timeout(), kAskAgainMsMin)) return;
  if (recovery_.asked_count == kAskedMax) {
    host_.Log("no replica takes over as it was asked: says nothing until it is given up");
    recovery_.asked_count = 0;
    recovery_.silent_until_ms = now_ms + 2 * Timeout() + ElectionMs();
    return;
  }
  recovery_.asked_ms = now_ms;
  ++recovery_.asked_count;
  const ClusterNode& node = state_.Node(heir);
  host_.Log("started with less data than its replica " + std::string(node.id.Text()) +
            " has: asks it to take over");
  host_.AskToTakeOver(node.ip, node.port, true);
}

void ClusterBus::EndRecovery(std::string_view why) {
  const bool is_certain =
      recovery_.seen_ms == 0 && host_.NowMs() - recovery_.begun_ms <= kPatience * Timeout();
  recovery_ = {};
  host_.Log("serves what it has: " + std::string(why));
  // What it said of itself until now may let a replica be elected that does not wait for a lease.
  if (!is_certain) serves_from_ms_ = host_.NowMs() + kPatience * Timeout();
}

bool ClusterBus::HandOver(std::int64_t for_ms) {
  if (!IsVoter(state_.MyIndex()) || LacksData() || !state_.IsUp()) return false;
  bool is_everybody_heard = false;
  // A replica with cluster-replica-no-failover becomes a master when somebody asks for it by name,
  // or when data would be lost, but not because its master is restarted.
  const EndpointView view(EndpointKind::kIp, settings_.replicates_by_other_port);
  NodeIndex heir = LinkedHeir(state_, replication_, view);
  // One that replication knows by another address than the bus does has said what it has.
  if (heir == kNoNode) heir = BestHeir(0, Heirs::kThoseThatFailOver, is_everybody_heard);
  if (heir == kNoNode) return false;
  const ClusterNode& node = state_.Node(heir);
  handover_ = {.ends_ms = host_.NowMs() + for_ms, .replica = node.id};
  host_.Log("about to go: asks its replica " + std::string(node.id.Text()) + " to take over");
  host_.AskToTakeOver(node.ip, node.port, false);
  return true;
}

// Of a master that serves. One that may take over by itself and follows the stream, but came back a
// moment ago, maybe with another address: the bus holds it for failed still.
bool ClusterBus::ExpectsHeir() const {
  if (!IsVoter(state_.MyIndex()) || LacksData() || !state_.IsUp()) return false;
  if (!replication_.HasReplicas()) return false;
  const std::vector<NodeIndex> replicas = state_.ReplicasOf(state_.MyIndex());
  return std::any_of(replicas.begin(), replicas.end(), [this](NodeIndex replica) {
    return !state_.Node(replica).flags.Has(NodeFlag::kNoFailover);
  });
}

void ClusterBus::TickHandover() {
  if (handover_.ends_ms == 0) return;
  const NodeIndex heir = state_.Find(*handover_.replica);
  const bool is_well = heir != kNoNode && state_.Node(heir).master == state_.MyIndex() &&
                       !state_.Node(heir).IsFailed() && !state_.Node(heir).IsSuspected();
  if (is_well && host_.NowMs() < handover_.ends_ms) return;
  handover_ = {};
  host_.Log("no replica took over");
  if (Me().IsMaster()) EndManual();
}

void ClusterBus::OnTakeoverAnswer(std::string_view error) {
  // Whatever it said, or did not say in time: it has begun.
  if (error.empty() || manual_.replica) return;
  host_.Log("a replica does not take over: " + std::string(error));
  handover_ = {};
}

}  // namespace slotway::storage::cluster
