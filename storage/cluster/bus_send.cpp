// SPDX-License-Identifier: Apache-2.0
// What the bus says: headers, gossip, extensions, and to whom.
#include <algorithm>
#include <utility>

#include "storage/cluster/cluster_bus.h"

namespace slotway::storage::cluster {
namespace {

constexpr std::size_t kGossipMin = 3;
constexpr std::size_t kGossipShare = 10;  // a tenth of the nodes
constexpr int kRandomPeersLookedAt = 5;

std::uint32_t Seconds(std::int64_t unix_ms) { return static_cast<std::uint32_t>(unix_ms / 1000); }

std::vector<KnownVoter> VotersIn(const ClusterState& state) {
  std::vector<KnownVoter> voters;
  for (const ClusterNode& node : state.Nodes()) {
    if (node.IsMaster() && node.slot_count != 0) voters.push_back({node.id, node.config_epoch});
  }
  return voters;
}

}  // namespace

// Of the header: those of the master, or one's own as far as the disk has them.
const SlotBitmap& ClusterBus::SaidSlots() {
  const NodeIndex master = state_.MasterOf(state_.MyIndex());
  auto& [slots, of, version] = saves_.said;
  if (version != state_.OwnersVersion() || of != master) {
    slots = state_.BitmapOf(master);
    if (master == state_.MyIndex()) slots.KeepOnly(saves_.claim.slots);
    version = state_.OwnersVersion();
    of = master;
  }
  return slots;
}

// Whether messages say all that this master is.
bool ClusterBus::IsClaimSaid() {
  return !Me().IsMaster() ||
         (saves_.claim.config_epoch >= Me().config_epoch && SaidSlots().Count() == Me().slot_count);
}

BusMessage ClusterBus::MessageOf(BusMessageType type) {
  const ClusterNode& me = Me();
  const NodeIndex master = state_.MasterOf(state_.MyIndex());
  BusMessage message;
  message.type = type;
  message.sender = me.id;
  message.port = me.port;
  message.plain_port = me.other_port;
  message.bus_port = me.bus_port;
  message.current_epoch = state_.CurrentEpoch();
  message.config_epoch = state_.Node(master).config_epoch;
  if (master == state_.MyIndex()) {
    message.config_epoch = std::min(message.config_epoch, saves_.claim.config_epoch);
  }
  message.slots = SaidSlots();
  message.wire_flags = FlagsToWire(me.flags);
  message.is_cluster_ok = state_.IsUp();
  message.ip = settings_.announce_ip;
  message.offset = me.IsMaster() || replication_.HasCopy() ? replication_.Offset() : 0;
  if (master != state_.MyIndex()) message.master = state_.Node(master).id;
  if (CarriesGossip(type)) message.message_flags = kBusExtensions;
  if (me.IsMaster() && manual_.replica) message.message_flags |= kBusPaused;
  if (LacksData()) message.message_flags |= kBusLacksData;
  return message;
}

void ClusterBus::SendPing(const NodeId& to, BusMessageType type) {
  Peer& peer = PeerOf(to);
  if (!peer.is_out_up) return;
  BusMessage message = MessageOf(type);
  AddGossip(message, &to);
  AddExtensions(message, &peer);
  AddOpenSlots(message, to);
  if (auto grant = grants_.find(to); grant != grants_.end()) message.grant = grant->second;
  const bool counts_voters = takeover_ || election_.requested_ms != 0;
  if (counts_voters && peer.knows_shard_ids) message.voters = VotersIn(state_);
  const std::int64_t now_ms = host_.NowMs();
  peer.pings.push_back(now_ms);
  peer.ping_news.push_back(IsClaimSaid() ? shard_news_ : 0);
  if (peer.ping_sent_ms == 0) peer.ping_sent_ms = now_ms;
  Send(peer.out, message);
}

// The answer to a ping, on the link that it came by.
void ClusterBus::SendPong(LinkId link, const NodeId* to) {
  Peer* peer = to != nullptr ? &PeerOf(*to) : nullptr;
  BusMessage message = MessageOf(BusMessageType::kPong);
  AddGossip(message, to);
  AddExtensions(message, peer);
  if (peer != nullptr) {
    AddOpenSlots(message, *to);
    if (Denies(*to, *peer)) {
      // Whoever reads that it fails itself does not count this answer for its lease.
      GossipEntry denial = GossipOf(state_.Find(*to));
      denial.wire_flags |= FlagsToWire(NodeFlag::kFailed);
      std::erase_if(message.gossip, [&](const GossipEntry& entry) { return entry.id == *to; });
      message.gossip.push_back(denial);
    } else {
      peer->pong_sent_ms = host_.NowMs();
    }
  }
  Send(link, message);
}

GossipEntry ClusterBus::GossipOf(NodeIndex index) {
  const ClusterNode& node = state_.Node(index);
  GossipEntry entry;
  entry.id = node.id;
  entry.ping_sent_s = Seconds(node.ping_sent_ms);
  entry.pong_received_s = Seconds(node.pong_received_ms);
  entry.ip = node.ip;
  entry.port = node.port;
  entry.plain_port = node.other_port;
  entry.bus_port = node.bus_port;
  entry.wire_flags = FlagsToWire(node.flags);
  return entry;
}

// Some nodes at random, and all that this node alone suspects.
void ClusterBus::AddGossip(BusMessage& message, const NodeId* to) {
  const std::size_t count = state_.Nodes().size();
  const std::size_t wanted = std::max(kGossipMin, count / kGossipShare);
  std::vector<NodeIndex> picked;
  for (std::size_t tries = 0; tries < wanted * 3 && picked.size() < wanted; ++tries) {
    const auto index = NodeIndex(host_.Random() % count);
    const ClusterNode& node = state_.Node(index);
    const bool is_known = !node.flags.Has(NodeFlag::kHandshake) &&
                          !node.flags.Has(NodeFlag::kNoAddress) &&
                          (node.is_link_up || node.slot_count != 0);
    if (node.IsMyself() || node.IsSuspected() || !is_known) continue;
    if (to != nullptr && node.id == *to) continue;
    if (std::find(picked.begin(), picked.end(), index) == picked.end()) picked.push_back(index);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const ClusterNode& node = state_.Nodes()[i];
    if (!node.IsSuspected() || node.flags.Has(NodeFlag::kHandshake)) continue;
    if (!node.flags.Has(NodeFlag::kNoAddress)) picked.push_back(NodeIndex(i));
  }
  for (NodeIndex index : picked) message.gossip.push_back(GossipOf(index));
}

// Redis 7.0 knows only the hostname and logs what it does not know: whoever has not shown that it
// knows shard ids is told ours once per link, which is how two of us find out.
void ClusterBus::AddExtensions(BusMessage& message, Peer* to) {
  if (!Me().hostname.empty()) message.hostname = Me().hostname;
  if (to == nullptr) return;
  if (to->knows_shard_ids || !to->is_introduced) {
    message.shard_id = state_.ShardIdOf(state_.MyIndex());
    to->is_introduced = true;
  }
  if (!to->knows_shard_ids) return;
  const std::int64_t now_ms = host_.NowMs();
  for (const auto& [id, until_ms] : forgotten_) {
    if (until_ms <= now_ms) continue;
    message.forgotten.push_back({id, static_cast<std::uint64_t>((until_ms - now_ms + 999) / 1000)});
  }
}

void ClusterBus::SendToAll(const BusMessage& message) {
  for (const NodeId& id : PeerIds()) {
    const NodeIndex index = state_.Find(id);
    const Peer& peer = PeerOf(id);
    if (index == kNoNode || !peer.is_out_up || IsHandshake(index)) continue;
    if (message.type == BusMessageType::kVoteRequest) {
      Promise(peer.out, message);
    } else {
      Send(peer.out, message);
    }
  }
}

void ClusterBus::PongAll(bool shard_only) {
  const NodeIndex my_master = state_.MasterOf(state_.MyIndex());
  for (const NodeId& id : PeerIds()) {
    const NodeIndex index = state_.Find(id);
    Peer& peer = PeerOf(id);
    if (index == kNoNode || !peer.is_out_up || IsHandshake(index)) continue;
    if (shard_only && state_.MasterOf(index) != my_master) continue;
    BusMessage message = MessageOf(BusMessageType::kPong);
    AddGossip(message, &id);
    AddExtensions(message, &peer);
    AddOpenSlots(message, id);
    Send(peer.out, message);
  }
}

// Of a few peers the one that was heard longest ago.
void ClusterBus::PingRandomPeer() {
  const std::vector<NodeId> ids = PeerIds();
  const NodeId* stalest = nullptr;
  for (int i = 0; i < kRandomPeersLookedAt && !ids.empty(); ++i) {
    const NodeId& id = ids[host_.Random() % ids.size()];
    const Peer& peer = PeerOf(id);
    if (!peer.is_out_up || !peer.pings.empty()) continue;
    if (stalest == nullptr || peer.pong_received_ms < PeerOf(*stalest).pong_received_ms) {
      stalest = &id;
    }
  }
  if (stalest != nullptr) SendPing(*stalest, BusMessageType::kPing);
}

void ClusterBus::PingVoters() {
  for (const NodeId& id : PeerIds()) {
    const NodeIndex index = state_.Find(id);
    if (index != kNoNode && IsVoter(index)) SendPing(id, BusMessageType::kPing);
  }
}

void ClusterBus::Publish(std::string_view channel, std::string_view payload, bool is_shard) {
  BusMessage message =
      MessageOf(is_shard ? BusMessageType::kShardPublish : BusMessageType::kPublish);
  message.channel = channel;
  message.payload = payload;
  if (!is_shard) return SendToAll(message);
  const NodeIndex my_master = state_.MasterOf(state_.MyIndex());
  for (const NodeId& id : PeerIds()) {
    const NodeIndex index = state_.Find(id);
    const Peer& peer = PeerOf(id);
    if (index == kNoNode || !peer.is_out_up || state_.MasterOf(index) != my_master) continue;
    Send(peer.out, message);
  }
}

}  // namespace slotway::storage::cluster
