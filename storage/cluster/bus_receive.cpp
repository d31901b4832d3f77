// SPDX-License-Identifier: Apache-2.0
// What the bus hears: who it is from, whether it is news, and where it goes.
#include <algorithm>
#include <array>
#include <utility>

#include "storage/cluster/cluster_bus.h"

namespace slotway::storage::cluster {
namespace {

constexpr std::int64_t kForgottenMs = 60'000;

}  // namespace

void ClusterBus::OnMessage(LinkId link, const BusMessage& message) {
  auto found = links_.find(link);
  if (found == links_.end()) return;
  ClusterState::Batch batch(state_);
  ++counters_.received[static_cast<std::size_t>(message.type)];
  if (message.is_light) return host_.Deliver(message);
  NodeIndex sender = state_.Find(message.sender);
  if (sender != kNoNode && (IsHandshake(sender) || sender == state_.MyIndex())) sender = kNoNode;
  bool is_news = false;
  if (sender != kNoNode) {
    is_news = NoteSender(sender, message);
    if (!found->second.is_outgoing) {
      // Somebody else may have spoken on it before.
      if (const auto before = found->second.node; before && *before != message.sender) {
        if (auto peer = peers_.find(*before); peer != peers_.end() && peer->second.in == link) {
          peer->second.in = kNoLink;
        }
      }
      found->second.node = message.sender;
      PeerOf(sender).in = link;
    }
  }
  if (CarriesGossip(message.type)) {
    if (message.type != BusMessageType::kPong) {
      OnPing(link, sender, message);
    } else if (!OnPong(link, sender, message)) {
      return;
    }
    sender = state_.Find(message.sender);
    if (sender == kNoNode || sender == state_.MyIndex()) return;
    if (message.type == BusMessageType::kPong && is_news) {
      ReadRole(sender, message);
      ReadOpenSlots(sender, message);
      ReadSlots(link, sender, message);
    }
    ReadGossip(sender, message);
    ReadExtensions(state_.Find(message.sender), message);
    return;
  }
  if (sender == kNoNode) return;
  switch (message.type) {
    case BusMessageType::kFail:
      if (NodeIndex failed = state_.Find(message.failed); failed != kNoNode) {
        MarkFailed(failed);
        // A candidate builds on it that the master hears nothing from here for a while.
        if (failed == Me().master) PeerOf(failed).failed_ms = host_.NowMs();
      }
      break;
    case BusMessageType::kPublish:
    case BusMessageType::kShardPublish:
      host_.Deliver(message);
      break;
    case BusMessageType::kVoteRequest:
      if (is_news) ReadRole(sender, message);
      OnVoteRequest(message);
      break;
    case BusMessageType::kVote:
      OnVote(sender, message);
      break;
    case BusMessageType::kUpdate:
      OnUpdate(message);
      break;
    case BusMessageType::kManualFailoverStart:
      OnManualStart(sender);
      break;
    default:
      break;  // modules: there are none here
  }
}

// False if the message was sent before another one of this sender that was heard already, over
// another link: then it says only that the sender lives.
bool ClusterBus::NoteSender(NodeIndex sender, const BusMessage& message) {
  Peer& peer = PeerOf(sender);
  peer.data_received_ms = host_.NowMs();
  peer.is_heard = true;
  peer.lacks_data_ms = message.HasMessageFlag(kBusLacksData) ? host_.NowMs() : 0;
  if (message.HasMessageFlag(kBusExtensions)) peer.knows_extensions = true;
  if (message.current_epoch > state_.CurrentEpoch()) {
    state_.SetCurrentEpoch(message.current_epoch);
    saves_.is_wanted_later = true;
  }
  const bool is_master = !message.master;
  if (message.current_epoch < peer.newest_epoch) return false;
  if (is_master && message.config_epoch < peer.newest_config_epoch) return false;
  peer.newest_epoch = message.current_epoch;
  if (is_master) {
    peer.newest_config_epoch = message.config_epoch;
    if (message.config_epoch > state_.Node(sender).config_epoch) {
      state_.SetConfigEpoch(sender, message.config_epoch);
      peer.claimed_ms = host_.NowMs();
      must_save_ = true;
    }
  }
  state_.SetReplOffset(sender, message.offset);
  const bool is_my_master = Me().IsReplica() && Me().master == sender;
  if (is_my_master && manual_.ends_ms != 0) {
    const bool is_paused = message.HasMessageFlag(kBusPaused);
    manual_.agreed_ms = is_paused ? host_.NowMs() : 0;
    if (is_paused && !manual_.target_offset) manual_.target_offset = message.offset;
  }
  return true;
}

std::string ClusterBus::PeerIp(LinkId link, const BusMessage& message) const {
  if (!message.ip.empty()) return message.ip;
  auto found = links_.find(link);
  return found == links_.end() ? std::string() : found->second.ends.peer_ip;
}

void ClusterBus::OnPing(LinkId link, NodeIndex sender, const BusMessage& message) {
  // The address that a peer uses for this node is the one to tell others.
  const std::string& local_ip = links_[link].ends.local_ip;
  const bool learns_ip = message.type == BusMessageType::kMeet || Me().ip.empty();
  if (learns_ip && settings_.announce_ip.empty() && !local_ip.empty() && Me().ip != local_ip) {
    state_.SetAddress(state_.MyIndex(), local_ip, Me().port, Me().bus_port);
    must_save_ = true;
  }
  if (sender == kNoNode) {
    if (message.type == BusMessageType::kMeet && message.sender != Me().id) {
      StartHandshake(PeerIp(link, message), message.port, message.bus_port, false);
    }
    SendPong(link, nullptr);
    return;
  }
  UpdateAddress(link, sender, message);
  const Peer& peer = PeerOf(sender);
  const bool is_news = message.current_epoch >= peer.newest_epoch &&
                       (message.master || message.config_epoch >= peer.newest_config_epoch);
  if (is_news) {
    ReadRole(sender, message);
    ReadOpenSlots(sender, message);
    // Before the answer: whoever lost its slots must know when the answer allows it to serve.
    ReadSlots(link, sender, message);
  }
  PeerOf(sender).voters = message.voters;
  TellOfVoters(link, message.sender);
  SendPong(link, &message.sender);
}

// False if the link is no more.
bool ClusterBus::OnPong(LinkId link, NodeIndex sender, const BusMessage& message) {
  const BusLink& from = links_[link];
  if (!from.is_outgoing) return true;
  const NodeId expected = *from.node;
  const NodeIndex expected_index = state_.Find(expected);
  if (expected_index != kNoNode && IsHandshake(expected_index)) {
    return FinishHandshake(link, expected, message);
  }
  if (sender == kNoNode || expected != message.sender) {
    // Another node lives at this address now.
    Peer& peer = PeerOf(expected);
    CloseOut(peer);
    if (expected_index != kNoNode) {
      state_.SetFlag(expected_index, NodeFlag::kNoAddress, true);
      state_.SetAddress(expected_index, "", 0, 0);
      must_save_ = true;
    }
    return false;
  }
  Peer& peer = PeerOf(sender);
  peer.has_been_up = true;
  peer.pong_received_ms = host_.NowMs();
  peer.ping_sent_ms = 0;
  if (!peer.pings.empty()) {
    const bool is_denied =
        std::any_of(message.gossip.begin(), message.gossip.end(), [this](const GossipEntry& entry) {
          const NodeFlags flags = FlagsFromWire(entry.wire_flags);
          return entry.id == Me().id &&
                 (flags.Has(NodeFlag::kFailed) || flags.Has(NodeFlag::kSuspected));
        });
    peer.answered_ms = std::max(peer.answered_ms, peer.pings.front());
    if (!is_denied) peer.granted_ms = std::max(peer.granted_ms, peer.pings.front());
    peer.pings.pop_front();
    peer.knows_news = std::max(peer.knows_news, peer.ping_news.front());
    peer.ping_news.pop_front();
    if (!peer.pings.empty()) peer.ping_sent_ms = peer.pings.front();
  }
  HeardOf(sender);
  return true;
}

bool ClusterBus::FinishHandshake(LinkId link, const NodeId& made_up, const BusMessage& message) {
  const NodeIndex known = state_.Find(message.sender);
  if (known != kNoNode) {
    // An old acquaintance, or this node itself.
    if (known != state_.MyIndex()) UpdateAddress(link, known, message);
    DropPeer(made_up);
    return false;
  }
  auto moved = peers_.extract(made_up);
  moved.key() = message.sender;
  peers_.insert(std::move(moved));
  const NodeIndex index = state_.Find(made_up);
  state_.Rename(index, message.sender);
  state_.SetFlag(index, NodeFlag::kHandshake, false);
  links_[link].node = message.sender;
  Peer& peer = PeerOf(message.sender);
  peer.has_been_up = true;
  peer.is_introduced = false;  // it may not have known whom it heard
  peer.pong_received_ms = peer.data_received_ms = host_.NowMs();
  peer.ping_sent_ms = 0;
  peer.pings.clear();
  peer.ping_news.clear();
  must_save_ = true;
  host_.Log("met node " + std::string(message.sender.Text()));
  NoteSender(index, message);
  ReadRole(index, message);
  ReadSlots(link, index, message);
  return true;
}

void ClusterBus::StartHandshake(const std::string& ip, std::uint16_t port, std::uint16_t bus_port,
                                bool must_meet) {
  if (ip.empty()) return;
  for (const ClusterNode& node : state_.Nodes()) {
    if (node.flags.Has(NodeFlag::kHandshake) && node.ip == ip && node.bus_port == bus_port) return;
  }
  std::array<std::uint8_t, 20> bytes;
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(host_.Random());
  ClusterNode node;
  node.id = NodeId::FromRandomBytes(bytes);
  node.ip = ip;
  node.port = port;
  node.bus_port = bus_port;
  node.flags = NodeFlags(NodeFlag::kMaster) | NodeFlag::kHandshake;
  if (state_.Add(node) == kNoNode) return;
  Peer& peer = PeerOf(node.id);
  peer.must_meet = must_meet;
  ConnectTo(node.id, peer);
}

void ClusterBus::UpdateAddress(LinkId link, NodeIndex sender, const BusMessage& message) {
  const ClusterNode& node = state_.Node(sender);
  if (PeerOf(sender).out == link) return;
  const std::string ip = PeerIp(link, message);
  const bool is_same = node.ip == ip && node.port == message.port &&
                       node.bus_port == message.bus_port && node.other_port == message.plain_port;
  if (is_same || ip.empty()) return;
  state_.SetAddress(sender, ip, message.port, message.bus_port);
  state_.SetOtherPort(sender, message.plain_port);
  state_.SetFlag(sender, NodeFlag::kNoAddress, false);
  CloseOut(PeerOf(sender));
  must_save_ = true;
}

void ClusterBus::ReadRole(NodeIndex sender, const BusMessage& message) {
  const ClusterNode& node = state_.Node(sender);
  state_.SetFlag(sender, NodeFlag::kNoFailover, message.HasFlag(NodeFlag::kNoFailover));
  if (!message.master) {
    if (node.IsMaster()) return;
    // Who took over from its master is in need of a replica from then on.
    if (node.IsReplica()) PeerOf(sender).has_had_replicas = true;
    state_.SetMaster(sender);
    must_save_ = true;
    return;
  }
  const NodeIndex master = state_.Find(*message.master);
  // Sent before it was elected, over another link, while others were quicker to tell of that.
  const bool is_late = node.slot_count != 0 && message.current_epoch <= node.config_epoch &&
                       host_.NowMs() - PeerOf(sender).claimed_ms < Timeout();
  if (is_late) return;
  const bool is_my_master = Me().IsReplica() && Me().master == sender;
  if (is_my_master && master == state_.MyIndex()) BreakCycle(sender, message.offset);
  if (master == sender || (master == kNoNode && node.IsReplica())) return;
  if (!node.IsReplica() || node.master != master) {
    state_.SetReplicaOf(sender, master);
    if (master != kNoNode && master != state_.MyIndex()) PeerOf(master).has_had_replicas = true;
    must_save_ = true;
  }
  // A master that became a replica takes its replicas along.
  if (is_my_master && master != kNoNode && master != state_.MyIndex()) Follow(master);
}

// Each follows the other, so neither has slots: two that were told so at the same moment, or one
// whose disk has lost that it is the master. Both see the same and decide the same.
void ClusterBus::BreakCycle(NodeIndex other, std::int64_t offset) {
  const std::int64_t mine = MyRankedOffset();
  if (mine == offset ? state_.Node(other).id < Me().id : mine < offset) return;
  state_.SetMaster(state_.MyIndex());
  replication_.BecomeMaster();
  followed_.clear();
  EndManual();
  election_ = {};
  victory_.reset();
  must_save_ = must_tell_all_ = true;
  host_.Log("a master again: its master follows it");
}

void ClusterBus::ReadGossip(NodeIndex sender, const BusMessage& message) {
  for (const GossipEntry& entry : message.gossip) {
    const NodeIndex index = state_.Find(entry.id);
    if (index == state_.MyIndex() && index != kNoNode) continue;
    if (index == kNoNode) {
      AddUnknown(entry);
      continue;
    }
    if (IsHandshake(index)) continue;
    const NodeFlags flags = FlagsFromWire(entry.wire_flags);
    const bool is_ill = flags.Has(NodeFlag::kFailed) || flags.Has(NodeFlag::kSuspected);
    if (state_.Node(sender).IsMaster() && index != sender) {
      Peer& peer = PeerOf(index);
      if (is_ill) {
        peer.reports[state_.Node(sender).id] = host_.NowMs();
        FailIfAgreed(index);
      } else {
        peer.reports.erase(state_.Node(sender).id);
      }
    }
    // Others reach it at another address.
    const ClusterNode& node = state_.Node(index);
    const bool is_lost =
        node.IsFailed() || node.IsSuspected() || node.flags.Has(NodeFlag::kNoAddress);
    const bool differs = node.ip != entry.ip || node.bus_port != entry.bus_port;
    if (is_lost && !is_ill && !flags.Has(NodeFlag::kNoAddress) && differs && !entry.ip.empty()) {
      state_.SetAddress(index, entry.ip, entry.port, entry.bus_port);
      state_.SetOtherPort(index, entry.plain_port);
      state_.SetFlag(index, NodeFlag::kNoAddress, false);
      CloseOut(PeerOf(index));
      must_save_ = true;
    }
  }
}

// Whom a trusted node knows is trusted.
void ClusterBus::AddUnknown(const GossipEntry& entry) {
  const NodeFlags flags = FlagsFromWire(entry.wire_flags);
  if (flags.Has(NodeFlag::kNoAddress) || flags.Has(NodeFlag::kHandshake)) return;
  if (entry.ip.empty() || IsForgotten(entry.id)) return;
  ClusterNode node;
  node.id = entry.id;
  node.ip = entry.ip;
  node.port = entry.port;
  node.bus_port = entry.bus_port;
  node.other_port = entry.plain_port;
  node.flags = NodeFlag::kMaster;
  const NodeIndex index = state_.Add(std::move(node));
  if (index == kNoNode) return;
  if (flags.Has(NodeFlag::kReplica)) state_.SetReplicaOf(index, kNoNode);
  ConnectTo(entry.id, PeerOf(entry.id));
  must_save_ = true;
}

bool ClusterBus::IsForgotten(const NodeId& id) {
  const std::int64_t now_ms = host_.NowMs();
  std::erase_if(forgotten_, [&](const auto& row) { return row.second <= now_ms; });
  return forgotten_.contains(id);
}

void ClusterBus::ReadExtensions(NodeIndex sender, const BusMessage& message) {
  const ClusterNode& node = state_.Node(sender);
  const std::string hostname = message.hostname.value_or(std::string());
  if (node.hostname != hostname) {
    state_.SetHostname(sender, hostname);
    must_save_ = true;
  }
  if (message.grant) granted_ = message.grant;
  if (message.shard_id) {
    PeerOf(sender).knows_shard_ids = true;
    if (node.shard_id != message.shard_id) {
      state_.SetShardId(sender, *message.shard_id);
      must_save_ = true;
    }
  }
  for (const ForgottenNode& forgotten : message.forgotten) {
    const NodeIndex index = state_.Find(forgotten.id);
    const bool is_mine = index == state_.MyIndex() || index == Me().master;
    if (index == kNoNode || is_mine || forgotten.id == message.sender) continue;
    const auto ttl_ms = static_cast<std::int64_t>(std::min<std::uint64_t>(forgotten.ttl_s, 3600));
    forgotten_[forgotten.id] = host_.NowMs() + ttl_ms * 1000;
    DropPeer(forgotten.id);
  }
}

std::string ClusterBus::Forget(std::string_view id) {
  const NodeIndex index = state_.Find(id);
  if (index == kNoNode) {
    const std::optional<NodeId> parsed = NodeId::Parse(id);
    if (parsed && IsForgotten(*parsed)) return {};
    return "ERR Unknown node " + std::string(id);
  }
  if (index == state_.MyIndex()) return "ERR I tried hard but I can't forget myself...";
  if (Me().IsReplica() && Me().master == index) return "ERR Can't forget my master!";
  const NodeId forgotten = state_.Node(index).id;
  forgotten_[forgotten] = host_.NowMs() + kForgottenMs;
  ClusterState::Batch batch(state_);
  DropPeer(forgotten);
  must_tell_all_ = true;
  return {};
}

}  // namespace slotway::storage::cluster
