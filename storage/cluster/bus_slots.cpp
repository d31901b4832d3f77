// SPDX-License-Identifier: Apache-2.0
// Whose a slot is: the claim with the higher config epoch wins, everywhere.
#include <algorithm>
#include <utility>
#include <vector>

#include "storage/cluster/cluster_bus.h"
#include "storage/cluster/slot_guard.h"

namespace slotway::storage::cluster {

using protocol::Slot;

void ClusterBus::ReadSlots(LinkId link, NodeIndex sender, const BusMessage& message) {
  Peer& peer = PeerOf(sender);
  if (message.master) {
    peer.claim.reset();
    return;
  }
  const bool is_judged =
      peer.claim && peer.claim->is_clean && peer.claim->config_epoch == message.config_epoch &&
      peer.claim->owners_version == state_.OwnersVersion() && peer.claim->slots == message.slots;
  if (!is_judged) {
    TakeClaim(sender, message.config_epoch, message.slots);
    if (Me().IsReplica() && Me().master == kNoNode) return;
    bool is_clean = true;
    message.slots.ForEach(
        [&](Slot slot) { is_clean = is_clean && state_.OwnerOf(slot) == sender; });
    PeerOf(sender).claim = SlotClaim{.slots = message.slots,
                                     .config_epoch = message.config_epoch,
                                     .owners_version = state_.OwnersVersion(),
                                     .is_clean = is_clean};
    if (!is_clean) SendUpdateIfStale(link, sender, message);
  }
  if (Me().IsMaster() && Me().config_epoch == message.config_epoch) Collide(sender, message);
}

bool ClusterBus::SendUpdateIfStale(LinkId link, NodeIndex sender, const BusMessage& message) {
  NodeIndex newer = kNoNode;
  message.slots.ForEach([&](Slot slot) {
    const NodeIndex owner = state_.OwnerOf(slot);
    if (newer != kNoNode || owner == kNoNode || owner == sender) return;
    if (state_.Node(owner).config_epoch > message.config_epoch) newer = owner;
  });
  if (newer == kNoNode) return false;
  SendUpdate(link, newer);
  return true;
}

void ClusterBus::SendUpdate(LinkId link, NodeIndex owner) {
  BusMessage message = MessageOf(BusMessageType::kUpdate);
  message.update.owner = state_.Node(owner).id;
  const bool is_me = owner == state_.MyIndex();
  message.update.config_epoch = is_me ? message.config_epoch : state_.Node(owner).config_epoch;
  message.update.slots = is_me ? message.slots : state_.BitmapOf(owner);
  Send(link, message);
}

// Whoever counts voters counts those that this node knows: before it gets an answer or a vote that
// counts, it is told of those who have come in the place of others. See bus_lease.cpp.
void ClusterBus::TellOfVoters(LinkId link, const NodeId& to) {
  const Peer& peer = PeerOf(to);
  if (!peer.voters) return;
  for (std::size_t i = 0; i < state_.Nodes().size(); ++i) {
    const ClusterNode& node = state_.Nodes()[i];
    if (!IsVoter(NodeIndex(i)) || node.id == to) continue;
    const bool is_known =
        std::any_of(peer.voters->begin(), peer.voters->end(), [&](const KnownVoter& voter) {
          return voter.id == node.id && voter.config_epoch >= node.config_epoch;
        });
    if (!is_known) SendUpdate(link, NodeIndex(i));
  }
}

void ClusterBus::TakeClaim(NodeIndex claimer, Epoch epoch, const SlotBitmap& slots) {
  InheritMoves(claimer, epoch, slots);
  const NodeIndex my_master = state_.MasterOf(state_.MyIndex());
  std::vector<Slot> lost;
  int taken_from_mine = 0;
  int claimed = 0;
  const bool was_voter = IsVoter(claimer);
  NodeIndex last_owner = kNoNode;
  slots.ForEach([&](Slot slot) {
    ++claimed;
    const NodeIndex owner = state_.OwnerOf(slot);
    if (owner == claimer) return;
    // A slot that is being imported changes hands by SETSLOT.
    const NodeIndex source = Me().IsMaster() ? state_.ImportingFrom(slot) : kNoNode;
    if (source != kNoNode && source != claimer) return;
    if (owner != kNoNode && state_.Node(owner).config_epoch >= epoch) return;
    if (owner == state_.MyIndex() && host_.HasKeys(slot)) lost.push_back(slot);
    if (owner == my_master) ++taken_from_mine;
    if (owner == state_.MyIndex()) state_.SetMigrating(slot, kNoNode);
    state_.Assign(slot, claimer);
    must_save_ = true;
    last_owner = owner;
  });
  const bool has_replaced =
      !was_voter && last_owner != kNoNode && state_.Node(last_owner).slot_count == 0;
  if (has_replaced && last_owner != state_.MyIndex() && claimer != state_.MyIndex()) {
    // What it answered had no weight until now, as that of the voter before it had.
    PeerOf(claimer).granted_ms = PeerOf(last_owner).granted_ms;
  }
  const bool has_lost_all = taken_from_mine != 0 && state_.Node(my_master).slot_count == 0;
  const bool follows = has_lost_all && claimer != state_.MyIndex() &&
                       (settings_.allows_replica_migration || claimed == taken_from_mine);
  if (follows) return Follow(claimer);
  for (Slot slot : lost) host_.DropKeys(slot);
}

void ClusterBus::TakeHandover(const NodeId& owner, Epoch epoch, const SlotBitmap& slots) {
  const NodeIndex index = state_.Find(owner);
  if (index == kNoNode || index == state_.MyIndex()) return;
  if (state_.Node(index).config_epoch < epoch) state_.SetConfigEpoch(index, epoch);
  Peer& peer = PeerOf(index);
  peer.newest_config_epoch = std::max(peer.newest_config_epoch, epoch);
  must_save_ = true;
  TakeClaim(index, epoch, slots);
}

// Two masters with one config epoch: one of them takes a new one. Of two that claim the same slots
// it has to be the one with more of their history, or acknowledged writes are thrown away; else
// the smaller id.
void ClusterBus::Collide(NodeIndex sender, const BusMessage& message) {
  const ClusterNode& other = state_.Node(sender);
  const bool is_same_shard = message.slots.Meets(state_.BitmapOf(state_.MyIndex()));
  const std::int64_t offset = replication_.Offset();
  bool is_mine_to_change = Me().id < other.id;
  if (is_same_shard && offset != message.offset) is_mine_to_change = offset > message.offset;
  if (!is_mine_to_change) return;
  state_.SetCurrentEpoch(Epoch(ToInt(state_.MaxEpoch()) + 1));
  state_.SetConfigEpoch(state_.MyIndex(), state_.CurrentEpoch());
  if (is_same_shard) BeginTakeover({});
  must_save_ = true;
  must_tell_all_ = true;
  host_.Log("another master has the same config epoch: took " +
            std::to_string(ToInt(state_.CurrentEpoch())));
}

void ClusterBus::OnUpdate(const BusMessage& message) {
  const NodeIndex owner = state_.Find(message.update.owner);
  if (owner == kNoNode || owner == state_.MyIndex() || IsHandshake(owner)) return;
  if (state_.Node(owner).config_epoch >= message.update.config_epoch) return;
  Peer& peer = PeerOf(owner);
  if (state_.Node(owner).IsReplica()) {
    peer.has_had_replicas = true;
    state_.SetMaster(owner);
  }
  state_.SetConfigEpoch(owner, message.update.config_epoch);
  // What the owner itself said before it was that is older than this.
  peer.newest_config_epoch = std::max(peer.newest_config_epoch, message.update.config_epoch);
  peer.newest_epoch = std::max(peer.newest_epoch, message.update.config_epoch);
  peer.claimed_ms = host_.NowMs();
  must_save_ = true;
  TakeClaim(owner, message.update.config_epoch, message.update.slots);
}

void ClusterBus::Follow(NodeIndex master) {
  if (master == state_.MyIndex() || (Me().IsReplica() && Me().master == master)) return;
  for (int i = 0; i < protocol::kSlotCount; ++i) {
    if (state_.Migrating().empty() && state_.Importing().empty()) break;
    state_.SetMigrating(Slot(i), kNoNode);
    state_.SetImporting(Slot(i), kNoNode);
  }
  state_.SetReplicaOf(state_.MyIndex(), master);
  state_.SetShardId(state_.MyIndex(), state_.ShardIdOf(master));
  PeerOf(master).has_had_replicas = true;
  election_ = {};
  victory_.reset();
  EndTakeover();
  serves_from_ms_ = 0;
  recovery_ = {};
  handover_ = {};
  EndManual();
  host_.Log("now a replica of " + std::string(state_.Node(master).id.Text()));
  followed_.clear();
  FollowAddress();
  must_save_ = must_tell_all_ = true;
}

// Tells replication where its master is, whenever that changes.
void ClusterBus::FollowAddress() {
  const NodeIndex master = Me().master;
  if (master == kNoNode || state_.Node(master).ip.empty()) return;
  const ClusterNode& node = state_.Node(master);
  const EndpointView view(EndpointKind::kIp, settings_.replicates_by_other_port);
  const std::uint16_t port = PortFor(node, view);
  std::string address = std::string(node.id.Text()) + node.ip + ":" + std::to_string(port);
  if (address == followed_) return;
  followed_ = std::move(address);
  replication_.Replicate(node.ip, port);
}

}  // namespace slotway::storage::cluster
