// SPDX-License-Identifier: Apache-2.0
// Who has failed: suspicion of one's own, reports of others, agreement of a majority.
#include <algorithm>

#include "storage/cluster/cluster_bus.h"

namespace slotway::storage::cluster {

void ClusterBus::Suspect(NodeIndex index, std::string_view why) {
  const ClusterNode& node = state_.Node(index);
  if (node.IsSuspected() || node.IsFailed() || IsHandshake(index)) return;
  const NodeId id = node.id;
  state_.SetFlag(index, NodeFlag::kSuspected, true);
  host_.Log("node " + std::string(id.Text()) + " " + std::string(why));
  FailIfAgreed(index);
  // At once, so that a majority agrees within a round trip and not when gossip has it.
  if (IsVoter(state_.MyIndex())) PingVoters();
}

void ClusterBus::DropOldReports(Peer& peer) {
  const std::int64_t oldest_ms = host_.NowMs() - 2 * Timeout();
  std::erase_if(peer.reports, [&](const auto& report) { return report.second < oldest_ms; });
}

int ClusterBus::CountReports(NodeIndex index) {
  Peer& peer = PeerOf(index);
  DropOldReports(peer);
  int count = 0;
  for (const auto& [reporter, at_ms] : peer.reports) {
    const NodeIndex from = state_.Find(reporter);
    if (from != kNoNode && IsVoter(from)) ++count;
  }
  return count;
}

int ClusterBus::CountFailureReports(const NodeId& id) {
  const NodeIndex index = state_.Find(id);
  if (index == kNoNode || index == state_.MyIndex()) return 0;
  Peer& peer = PeerOf(index);
  DropOldReports(peer);
  return static_cast<int>(peer.reports.size());
}

void ClusterBus::FailIfAgreed(NodeIndex index) {
  const ClusterNode& node = state_.Node(index);
  if (!node.IsSuspected() || node.IsFailed()) return;
  const int mine = IsVoter(state_.MyIndex()) ? 1 : 0;
  if (CountReports(index) + mine < Majority()) return;
  MarkFailed(index);
  if (!Me().IsMaster()) return;
  BusMessage message = MessageOf(BusMessageType::kFail);
  message.failed = state_.Node(index).id;
  SendToAll(message);
}

void ClusterBus::MarkFailed(NodeIndex index) {
  const ClusterNode& node = state_.Node(index);
  if (node.IsFailed() || node.IsMyself() || IsHandshake(index)) return;
  state_.SetFlag(index, NodeFlag::kSuspected, false);
  state_.SetFlag(index, NodeFlag::kFailed, true);
  PeerOf(index).failed_ms = host_.NowMs();
  host_.Log("node " + std::string(node.id.Text()) + " has failed, by majority");
  saves_.is_wanted_later = true;  // a vote that follows from it brings it to the disk
  TickPendingVote();
  // At once, where nobody has to be heard first about what happened before this moment.
  if (index == Me().master && settings_.replicas_to_ack == 0) TickElection();
}

// Whether one of its replicas may be on the way to take over.
bool ClusterBus::CanBeReplaced(NodeIndex index) const {
  for (NodeIndex replica : state_.ReplicasOf(index)) {
    const ClusterNode& node = state_.Node(replica);
    if (node.repl_offset > 0 || replica == state_.MyIndex()) return true;
  }
  return false;
}

void ClusterBus::HeardOf(NodeIndex index) {
  const ClusterNode& node = state_.Node(index);
  state_.SetFlag(index, NodeFlag::kSuspected, false);
  if (!node.IsFailed()) return;
  // A master that came back waits until it is certain that no replica replaces it: its slots are
  // as good as given away.
  const std::int64_t failed_for_ms = host_.NowMs() - PeerOf(index).failed_ms;
  const bool may_be_replaced = IsVoter(index) && CanBeReplaced(index);
  if (may_be_replaced && failed_for_ms <= 2 * ElectionMs()) return;
  state_.SetFlag(index, NodeFlag::kFailed, false);
  host_.Log("node " + std::string(node.id.Text()) + " answers again");
  saves_.is_wanted_later = true;
}

bool ClusterBus::IsKnownGone(const Peer& peer) const {
  return !peer.is_out_up && peer.refused_ms != 0 && peer.refused_ms >= peer.pong_sent_ms;
}

}  // namespace slotway::storage::cluster
