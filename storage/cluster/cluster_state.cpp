// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/cluster_state.h"

#include <algorithm>
#include <cassert>

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;

// The place of a node after the one at `removed` is gone.
NodeIndex Shifted(NodeIndex index, NodeIndex removed) {
  if (index == kNoNode || index == removed) return kNoNode;
  return index > removed ? NodeIndex(static_cast<std::uint16_t>(index) - 1) : index;
}

void ShiftPeers(std::map<Slot, NodeIndex>& peers, NodeIndex removed) {
  for (auto it = peers.begin(); it != peers.end();) {
    it->second = Shifted(it->second, removed);
    it = it->second == kNoNode ? peers.erase(it) : std::next(it);
  }
}

}  // namespace

ClusterState::ClusterState() { owners_.fill(kNoNode); }

NodeIndex ClusterState::Find(const NodeId& id) const {
  auto found = places_.find(id);
  return found == places_.end() ? kNoNode : found->second;
}

NodeIndex ClusterState::Find(std::string_view id) const {
  std::optional<NodeId> parsed = NodeId::Parse(id);
  return parsed ? Find(*parsed) : kNoNode;
}

NodeIndex ClusterState::MasterOf(NodeIndex index) const {
  NodeIndex master = Node(index).master;
  return master == kNoNode ? index : master;
}

std::vector<NodeIndex> ClusterState::ReplicasOf(NodeIndex master) const {
  std::vector<NodeIndex> replicas;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].master == master) replicas.push_back(NodeIndex(i));
  }
  return replicas;
}

bool ClusterState::HasReplicas(NodeIndex master) const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [master](const ClusterNode& node) { return node.master == master; });
}

NodeId ClusterState::ShardIdOf(NodeIndex index) const {
  const ClusterNode& master = Node(MasterOf(index));
  if (Node(index).shard_id) return *Node(index).shard_id;
  return master.shard_id.value_or(master.id);
}

NodeIndex ClusterState::Add(ClusterNode node) {
  if (nodes_.size() >= kNodesMax || Find(node.id) != kNoNode) return kNoNode;
  node.flags.Clear(NodeFlag::kMyself);
  node.master = kNoNode;
  node.slot_count = 0;
  places_.emplace(node.id, NodeIndex(nodes_.size()));
  nodes_.push_back(std::move(node));
  Changed();
  return NodeIndex(nodes_.size() - 1);
}

void ClusterState::Remove(NodeIndex index) {
  assert(index != myself_);
  nodes_.erase(nodes_.begin() + static_cast<std::ptrdiff_t>(index));
  places_.clear();
  for (std::size_t i = 0; i < nodes_.size(); ++i) places_.emplace(nodes_[i].id, NodeIndex(i));
  ++owners_version_;
  for (ClusterNode& node : nodes_) node.master = Shifted(node.master, index);
  for (NodeIndex& owner : owners_) owner = Shifted(owner, index);
  ShiftPeers(migrating_, index);
  ShiftPeers(importing_, index);
  myself_ = Shifted(myself_, index);
  Changed();
}

void ClusterState::SetMyself(NodeIndex index) {
  assert(!HasMyself());
  myself_ = index;
  At(index).flags.Set(NodeFlag::kMyself);
  At(index).is_link_up = true;
  Changed();
}

void ClusterState::SetMaster(NodeIndex index) {
  ClusterNode& node = At(index);
  node.flags.Set(NodeFlag::kMaster);
  node.flags.Clear(NodeFlag::kReplica);
  node.master = kNoNode;
  Changed();
}

void ClusterState::SetReplicaOf(NodeIndex index, NodeIndex master) {
  assert(index != master);
  Batch batch(*this);
  if (Node(index).slot_count != 0) {
    for (int i = 0; i < protocol::kSlotCount; ++i) {
      if (OwnerOf(Slot(i)) == index) Move(Slot(i), kNoNode);
    }
  }
  ClusterNode& node = At(index);
  node.flags.Set(NodeFlag::kReplica);
  node.flags.Clear(NodeFlag::kMaster);
  node.master = master;
}

void ClusterState::SetAddress(NodeIndex index, std::string ip, std::uint16_t port,
                              std::uint16_t bus_port) {
  ClusterNode& node = At(index);
  node.ip = std::move(ip);
  node.port = port;
  node.bus_port = bus_port;
}

void ClusterState::SetHostname(NodeIndex index, std::string hostname) {
  At(index).hostname = std::move(hostname);
}

void ClusterState::SetShardId(NodeIndex index, const NodeId& shard_id) {
  At(index).shard_id = shard_id;
}

void ClusterState::Rename(NodeIndex index, const NodeId& id) {
  assert(Find(id) == kNoNode);
  places_.erase(At(index).id);
  At(index).id = id;
  places_.emplace(id, index);
}

void ClusterState::SetFlag(NodeIndex index, NodeFlag flag, bool on) {
  assert(flag != NodeFlag::kMyself && flag != NodeFlag::kMaster && flag != NodeFlag::kReplica);
  if (At(index).flags.Has(flag) == on) return;
  if (on) {
    At(index).flags.Set(flag);
  } else {
    At(index).flags.Clear(flag);
  }
  Changed();
}

void ClusterState::SetLink(NodeIndex index, bool is_up) { At(index).is_link_up = is_up; }

void ClusterState::SetPingTimes(NodeIndex index, std::int64_t ping_sent_ms,
                                std::int64_t pong_received_ms) {
  At(index).ping_sent_ms = ping_sent_ms;
  At(index).pong_received_ms = pong_received_ms;
}

void ClusterState::SetReplOffset(NodeIndex index, std::int64_t offset) {
  At(index).repl_offset = offset;
}

void ClusterState::SetConfigEpoch(NodeIndex index, Epoch epoch) {
  if (At(index).config_epoch == epoch) return;
  At(index).config_epoch = epoch;
  ++owners_version_;
}

void ClusterState::TakePlace(NodeIndex old_master, Epoch epoch) {
  Batch batch(*this);
  SetMaster(myself_);
  for (int i = 0; i < protocol::kSlotCount; ++i) {
    if (OwnerOf(Slot(i)) == old_master) Move(Slot(i), myself_);
  }
  SetConfigEpoch(myself_, epoch);
  // More than it said as a replica that asked for votes: that may come late, over another link.
  SetCurrentEpoch(Epoch(ToInt(MaxEpoch()) + 1));
  SetTakingOver(true);
}

std::vector<SlotRange> ClusterState::SlotsOf(NodeIndex index) const {
  std::vector<SlotRange> ranges;
  if (Node(index).slot_count == 0) return ranges;
  for (int i = 0; i < protocol::kSlotCount; ++i) {
    if (OwnerOf(Slot(i)) != index) continue;
    auto slot = static_cast<std::uint16_t>(i);
    if (!ranges.empty() && ranges.back().last + 1 == i) {
      ranges.back().last = slot;
    } else {
      ranges.push_back({slot, slot});
    }
  }
  return ranges;
}

void ClusterState::Move(Slot slot, NodeIndex owner) {
  NodeIndex before = OwnerOf(slot);
  if (before == owner) return;
  if (before != kNoNode) --At(before).slot_count;
  if (owner != kNoNode) ++At(owner).slot_count;
  owners_[Place(slot)] = owner;
  ++owners_version_;
}

SlotBitmap ClusterState::BitmapOf(NodeIndex index) const {
  SlotBitmap slots;
  if (Node(index).slot_count == 0) return slots;
  for (int i = 0; i < protocol::kSlotCount; ++i) {
    if (OwnerOf(Slot(i)) == index) slots.Add(Slot(i));
  }
  return slots;
}

void ClusterState::Assign(Slot slot, NodeIndex owner) {
  Move(slot, owner);
  Changed();
}

void ClusterState::SetMigrating(Slot slot, NodeIndex target) {
  if (target == kNoNode) {
    migrating_.erase(slot);
  } else {
    migrating_[slot] = target;
  }
  Changed();
}

void ClusterState::SetImporting(Slot slot, NodeIndex source) {
  if (source == kNoNode) {
    importing_.erase(slot);
  } else {
    importing_[slot] = source;
  }
  Changed();
}

Epoch ClusterState::MaxEpoch() const {
  Epoch max = current_epoch_;
  for (const ClusterNode& node : nodes_) max = std::max(max, node.config_epoch);
  return max;
}

bool ClusterState::BumpConfigEpoch() {
  Epoch max = MaxEpoch();
  if (ToInt(Myself().config_epoch) != 0 && Myself().config_epoch == max) return false;
  current_epoch_ = Epoch(ToInt(max) + 1);
  SetConfigEpoch(myself_, current_epoch_);
  return true;
}

void ClusterState::SetHeld(bool is_held) {
  if (is_held_ == is_held) return;
  is_held_ = is_held;
  Changed();
}

void ClusterState::SetPolicy(const ClusterPolicy& policy) {
  policy_ = policy;
  Changed();
}

int ClusterState::CountVoters(const std::set<NodeId>& nodes) const {
  return static_cast<int>(std::count_if(nodes.begin(), nodes.end(), [this](const NodeId& id) {
    const NodeIndex index = Find(id);
    return index != kNoNode && Node(index).IsMaster() && Node(index).slot_count != 0;
  }));
}

SlotHealth ClusterState::CountSlots() const {
  SlotHealth health;
  for (const ClusterNode& node : nodes_) {
    int count = static_cast<int>(node.slot_count);
    health.assigned += count;
    if (node.IsFailed()) {
      health.failed += count;
    } else if (node.IsSuspected()) {
      health.suspected += count;
    } else {
      health.ok += count;
    }
  }
  return health;
}

void ClusterState::Changed() {
  is_outdated_ = true;
  if (batches_.count == 0) Update();
}

void ClusterState::Update() {
  is_outdated_ = false;
  size_ = 0;
  int reachable = 0;
  for (const ClusterNode& node : nodes_) {
    if (!node.IsMaster() || node.slot_count == 0) continue;
    ++size_;
    if (!node.IsFailed() && !node.IsSuspected()) ++reachable;
  }
  SlotHealth health = CountSlots();
  bool is_covered = health.assigned == protocol::kSlotCount && health.failed == 0;
  is_up_ =
      !is_held_ && (is_covered || !policy_.require_full_coverage) && reachable >= size_ / 2 + 1;

  bool serves = is_up_ && HasMyself() && Myself().IsMaster();
  for (std::size_t i = 0; i < owners_.size(); ++i) serves_[i] = serves && owners_[i] == myself_;
  for (const auto& [slot, target] : migrating_) serves_[Place(slot)] = false;
  for (const auto& [slot, source] : importing_) serves_[Place(slot)] = false;
}

}  // namespace slotway::storage::cluster
