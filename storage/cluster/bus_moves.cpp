// SPDX-License-Identifier: Apache-2.0
// Slots on the move: what a master tells its replicas of them, so that whoever takes its place goes
// on with them, and what others do when a side of a move is replaced.
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "storage/cluster/cluster_bus.h"

namespace slotway::storage::cluster {

using protocol::Slot;

std::uint64_t ClusterBus::TellShard() {
  must_ping_shard_ = true;
  return ++shard_news_;
}

// A replica that fails is not waited for: it is not elected while others know more.
bool ClusterBus::IsKnownInShard(std::uint64_t news) const {
  for (NodeIndex index : state_.ReplicasOf(state_.MyIndex())) {
    const ClusterNode& node = state_.Node(index);
    if (node.IsFailed() || node.IsSuspected() || node.flags.Has(NodeFlag::kNoAddress)) continue;
    const auto peer = peers_.find(node.id);
    if (peer == peers_.end() || peer->second.knows_news < news) return false;
  }
  return true;
}

void ClusterBus::PingShard() {
  for (NodeIndex index : state_.ReplicasOf(state_.MyIndex())) {
    SendPing(state_.Node(index).id, BusMessageType::kPing);
  }
}

// Redis 7.0 logs what it does not know, so only those are told who know shard ids.
void ClusterBus::AddOpenSlots(BusMessage& message, const NodeId& to) {
  const NodeIndex index = state_.Find(to);
  const bool is_my_replica =
      Me().IsMaster() && index != kNoNode && state_.Node(index).master == state_.MyIndex();
  if (!is_my_replica || !PeerOf(to).knows_shard_ids) return;
  std::vector<OpenSlot>& open = message.open_slots.emplace();
  for (const auto& [slot, target] : state_.Migrating()) {
    open.push_back({slot, false, state_.Node(target).id});
  }
  for (const auto& [slot, source] : state_.Importing()) {
    open.push_back({slot, true, state_.Node(source).id});
  }
}

void ClusterBus::ReadOpenSlots(NodeIndex sender, const BusMessage& message) {
  if (!message.open_slots || !Me().IsReplica() || Me().master != sender) return;
  std::map<Slot, NodeIndex> migrating;
  std::map<Slot, NodeIndex> importing;
  for (const OpenSlot& open : *message.open_slots) {
    const NodeIndex peer = state_.Find(open.peer);
    if (peer != kNoNode) (open.is_arriving ? importing : migrating)[open.slot] = peer;
  }
  if (migrating == state_.Migrating() && importing == state_.Importing()) return;
  for (const auto& [slot, _] : std::map(state_.Migrating())) state_.SetMigrating(slot, kNoNode);
  for (const auto& [slot, _] : std::map(state_.Importing())) state_.SetImporting(slot, kNoNode);
  for (const auto& [slot, peer] : migrating) state_.SetMigrating(slot, peer);
  for (const auto& [slot, peer] : importing) state_.SetImporting(slot, peer);
  must_save_ = true;
}

// Who takes the place of a master in all that it has takes it in the moves of slots, too.
void ClusterBus::InheritMoves(NodeIndex claimer, Epoch epoch, const SlotBitmap& slots) {
  if (state_.Migrating().empty() && state_.Importing().empty()) return;
  std::set<NodeIndex> sides;
  for (const auto& [_, peer] : state_.Migrating()) sides.insert(peer);
  for (const auto& [_, peer] : state_.Importing()) sides.insert(peer);
  sides.erase(claimer);
  std::erase_if(sides, [&](NodeIndex side) {
    const ClusterNode& node = state_.Node(side);
    if (node.slot_count == 0 || node.config_epoch >= epoch) return true;
    const bool is_of_shard = node.IsFailed() || state_.ShardIdOf(side) == state_.ShardIdOf(claimer);
    if (!is_of_shard) return true;
    bool takes_all = true;
    state_.BitmapOf(side).ForEach([&](Slot slot) { takes_all = takes_all && slots.Has(slot); });
    return !takes_all;
  });
  if (sides.empty()) return;
  for (const auto& [slot, peer] : std::map(state_.Migrating())) {
    if (sides.contains(peer)) state_.SetMigrating(slot, claimer);
  }
  for (const auto& [slot, peer] : std::map(state_.Importing())) {
    if (sides.contains(peer)) state_.SetImporting(slot, claimer);
  }
  must_save_ = true;
}

}  // namespace slotway::storage::cluster
