// SPDX-License-Identifier: Apache-2.0
// Time and links: what a node does by itself.
#include "storage/cluster/cluster_bus.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace slotway::storage::cluster {
namespace {

constexpr std::int64_t kHandshakeMsMin = 1000;
constexpr std::int64_t kConnectMsMin = 500;
constexpr std::int64_t kElectionMsMin = 500;
constexpr std::uint64_t kTicksPerRandomPing = 10;
constexpr std::uint64_t kTicksPerLateSave = 10;

}  // namespace

ClusterBus::ClusterBus(ClusterState& state, BusHost& host, ReplicationPort& replication,
                       BusSettings settings)
    : state_(state),
      host_(host),
      replication_(replication),
      settings_(std::move(settings)),
      started_ms_(host.NowMs()),
      last_tick_ms_(started_ms_) {
  ClusterState::Batch batch(state_);
  // As it was read from the disk.
  saves_.claim = {.config_epoch = Me().config_epoch, .slots = state_.BitmapOf(state_.MyIndex())};
  bool knows_outcome = state_.LastVoteEpoch() == Epoch(0);
  for (std::size_t i = 0; i < state_.Nodes().size(); ++i) {
    const ClusterNode& node = state_.Nodes()[i];
    if (node.IsMyself()) continue;
    PeerOf(node.id).failed_ms = started_ms_;
    // It may have become a replica of this one, and more, without nodes.conf having it.
    is_replaceable_ = is_replaceable_ || !IsVoter(NodeIndex(i));
    state_.SetLink(NodeIndex(i), false);
    state_.SetFlag(NodeIndex(i), NodeFlag::kSuspected, false);
    // A failure is still one if this node may have voted because of it.
    const bool may_be_replaced = node.config_epoch < state_.LastVoteEpoch();
    if (!may_be_replaced) state_.SetFlag(NodeIndex(i), NodeFlag::kFailed, false);
    knows_outcome = knows_outcome || node.config_epoch >= state_.LastVoteEpoch();
  }
  knows_outcome = knows_outcome || Me().config_epoch >= state_.LastVoteEpoch();
  if (!knows_outcome) denies_until_ms_ = started_ms_ + 2 * ElectionMs();
  SetSettings(settings_);
  if (state_.IsTakingOver()) BeginTakeover({});
  RenewLease();
}

void ClusterBus::SetSettings(const BusSettings& settings) {
  settings_ = settings;
  if (!settings_.announce_ip.empty() && Me().ip != settings_.announce_ip) {
    state_.SetAddress(state_.MyIndex(), settings_.announce_ip, Me().port, Me().bus_port);
    must_save_ = true;
  }
  state_.SetFlag(state_.MyIndex(), NodeFlag::kNoFailover, settings_.never_fails_over);
}

Peer& ClusterBus::PeerOf(const NodeId& id) {
  assert(id != Me().id);
  auto [found, is_new] = peers_.try_emplace(id);
  if (is_new) {
    found->second.created_ms = host_.NowMs();
    // What an earlier process of this node may have answered counts as answered now.
    found->second.pong_sent_ms = started_ms_;
  }
  return found->second;
}

std::vector<NodeId> ClusterBus::PeerIds() const {
  std::vector<NodeId> ids;
  ids.reserve(peers_.size());
  for (const auto& [id, peer] : peers_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::int64_t ClusterBus::ElectionMs() const { return std::max(Timeout(), kElectionMsMin); }

bool ClusterBus::IsVoter(NodeIndex index) const {
  return state_.Node(index).IsMaster() && state_.Node(index).slot_count != 0;
}

bool ClusterBus::IsHandshake(NodeIndex index) const {
  return state_.Node(index).flags.Has(NodeFlag::kHandshake);
}

void ClusterBus::Tick() {
  ClusterState::Batch batch(state_);
  ForgiveAfterPause();
  ++ticks_;
  const bool is_later = saves_.is_wanted_later && ticks_ % kTicksPerLateSave == 0;
  must_save_ = std::exchange(saves_.must_retry, false) || is_later || must_save_;
  for (const ClusterNode& node : state_.Nodes()) {
    if (!node.IsMyself()) PeerOf(node.id);
  }
  for (const NodeId& id : PeerIds()) TickPeer(id);
  if (ticks_ % kTicksPerRandomPing == 0) PingRandomPeer();
  if (Me().IsReplica()) {
    FollowAddress();
    TickMigration();
  }
  TickManual();
  TickElection();
  TickPendingVote();
  TickRecovery();
  TickHandover();
  RenewLease();
}

// After a pause of this process nobody was silent but itself.
void ClusterBus::ForgiveAfterPause() {
  const std::int64_t now_ms = host_.NowMs();
  const std::int64_t gap_ms = now_ms - std::exchange(last_tick_ms_, now_ms);
  if (gap_ms <= Timeout() / 2) return;
  for (auto& [id, peer] : peers_) {
    if (peer.ping_sent_ms != 0) peer.ping_sent_ms = now_ms;
    peer.data_received_ms = now_ms;
    peer.reports.clear();
  }
}

void ClusterBus::TickPeer(const NodeId& id) {
  const NodeIndex index = state_.Find(id);
  if (index == kNoNode) return DropPeer(id);
  Peer& peer = PeerOf(id);
  const std::int64_t now_ms = host_.NowMs();
  if (IsHandshake(index) && now_ms - peer.created_ms > std::max(Timeout(), kHandshakeMsMin)) {
    return DropPeer(id);
  }
  if (state_.Node(index).flags.Has(NodeFlag::kNoAddress)) return;
  if (peer.out != kNoLink && !peer.is_out_up &&
      now_ms - peer.link_created_ms > std::max(Timeout() / 2, kConnectMsMin)) {
    CloseOut(peer);
  }
  // No answer here: the link is dead if nothing comes from the node at all, and in the end anyway.
  const std::int64_t waited_ms = peer.pings.empty() ? 0 : now_ms - peer.pings.front();
  const bool is_dead = waited_ms > Timeout() / 2 && now_ms - peer.data_received_ms > Timeout() / 2;
  const bool is_stuck = peer.is_out_up && (is_dead || waited_ms > Timeout()) &&
                        now_ms - peer.link_created_ms > Timeout() / 2;
  if (is_stuck) CloseOut(peer);
  if (peer.out == kNoLink) ConnectTo(id, peer);
  if (peer.is_out_up) {
    std::int64_t interval_ms = Timeout() / 2;
    if (NeedsLease() && IsVoter(index)) {
      interval_ms = std::min(interval_ms, settings_.lease_ms / 3);
    }
    const bool is_due = peer.pings.empty() && now_ms - peer.pong_received_ms >= interval_ms;
    if (is_due || manual_.replica == id) SendPing(id, BusMessageType::kPing);
  }
  // Silence counts from what was heard last. An idle link is none: it has to be asked, and to have
  // had time for the answer.
  const std::int64_t heard_ms = std::max(peer.data_received_ms, peer.created_ms);
  const bool is_silent = peer.ping_sent_ms != 0 && now_ms - peer.ping_sent_ms > Timeout() / 2 &&
                         now_ms - heard_ms > Timeout();
  if (is_silent) Suspect(index, "does not answer");
  ShowTimes(index, peer);
}

// What CLUSTER NODES shows is Unix time.
void ClusterBus::ShowTimes(NodeIndex index, const Peer& peer) {
  const std::int64_t unix_ms = host_.UnixMs();
  const std::int64_t now_ms = host_.NowMs();
  auto shown = [&](std::int64_t at_ms) { return at_ms == 0 ? 0 : unix_ms - (now_ms - at_ms); };
  state_.SetPingTimes(index, shown(peer.ping_sent_ms), shown(peer.pong_received_ms));
}

void ClusterBus::ConnectTo(const NodeId& id, Peer& peer) {
  const NodeIndex index = state_.Find(id);
  if (index == kNoNode || state_.Node(index).ip.empty()) return;
  const ClusterNode& node = state_.Node(index);
  peer.out = host_.Connect(node.ip, node.bus_port);
  peer.is_out_up = false;
  peer.link_created_ms = host_.NowMs();
  // A host that is not there at all never answers a ping either.
  if (peer.ping_sent_ms == 0) peer.ping_sent_ms = host_.NowMs();
  links_[peer.out] = BusLink{.node = id, .is_outgoing = true, .created_unix_ms = host_.UnixMs()};
}

void ClusterBus::OnAccepted(LinkId link, LinkEnds ends) {
  links_[link] = BusLink{.node = {}, .ends = std::move(ends), .created_unix_ms = host_.UnixMs()};
}

void ClusterBus::OnConnected(LinkId link, LinkEnds ends) {
  auto found = links_.find(link);
  if (found == links_.end()) return;
  found->second.ends = std::move(ends);
  const NodeId id = *found->second.node;
  Peer& peer = PeerOf(id);
  peer.is_out_up = true;
  peer.is_introduced = false;
  peer.refused_ms = 0;
  peer.link_created_ms = host_.NowMs();
  peer.pings.clear();
  peer.ping_news.clear();
  if (NodeIndex index = state_.Find(id); index != kNoNode) state_.SetLink(index, true);
  SendPing(id,
           std::exchange(peer.must_meet, false) ? BusMessageType::kMeet : BusMessageType::kPing);
}

void ClusterBus::OnConnectFailed(LinkId link, bool is_refused) {
  auto found = links_.find(link);
  if (found == links_.end()) return;
  ClusterState::Batch batch(state_);
  const NodeId id = *found->second.node;
  LinkLost(link);
  Peer& peer = PeerOf(id);
  if (!is_refused) return;
  peer.refused_ms = host_.NowMs();
  const NodeIndex index = state_.Find(id);
  // It ran, its links are gone and nobody listens in its place: the process is gone.
  if (index != kNoNode && peer.has_been_up && !IsHandshake(index)) {
    Suspect(index, "is gone: its host refuses connections to it");
  }
}

void ClusterBus::OnClosed(LinkId link) {
  auto found = links_.find(link);
  if (found == links_.end()) return;
  const bool was_outgoing = found->second.is_outgoing;
  const std::optional<NodeId> id = found->second.node;
  LinkLost(link);
  // At once: whether the process is gone shows by how its host answers.
  if (was_outgoing) ConnectTo(*id, PeerOf(*id));
}

void ClusterBus::LinkLost(LinkId link) {
  auto found = links_.find(link);
  if (found == links_.end()) return;
  if (found->second.node) {
    auto peer = peers_.find(*found->second.node);
    if (peer != peers_.end()) {
      if (peer->second.in == link) peer->second.in = kNoLink;
      if (peer->second.out == link) {
        peer->second.out = kNoLink;
        peer->second.is_out_up = false;
        if (Me().master == state_.Find(peer->first)) manual_.agreed_ms = 0;
        peer->second.pings.clear();
        peer->second.ping_news.clear();
        if (NodeIndex index = state_.Find(peer->first); index != kNoNode) {
          state_.SetLink(index, false);
        }
      }
    }
  }
  links_.erase(found);
}

void ClusterBus::CloseOut(Peer& peer) {
  if (peer.out == kNoLink) return;
  const LinkId link = peer.out;
  LinkLost(link);
  host_.Close(link);
}

void ClusterBus::DropPeer(const NodeId& id) {
  auto found = peers_.find(id);
  if (found != peers_.end()) {
    const LinkId in = found->second.in;
    CloseOut(found->second);
    if (in != kNoLink) {
      LinkLost(in);
      host_.Close(in);
    }
    peers_.erase(id);
  }
  for (auto& [other, peer] : peers_) peer.reports.erase(id);
  const NodeIndex index = state_.Find(id);
  if (index != kNoNode) {
    state_.Remove(index);
    must_save_ = true;
  }
}

void ClusterBus::EndOfTurn() {
  const NodeIndex master = Me().master;
  replication_.SetMasterFailed(Me().IsReplica() && master != kNoNode &&
                               state_.Node(master).IsFailed());
  if (manual_.ends_ms != 0 || election_.starts_ms != 0) {
    // Somebody's writes stand still, or nobody serves them.
    ClusterState::Batch batch(state_);
    TickManual();
    TickElection();
  }
  TickRecovery();
  // Whoever serves has a tick's time: see CheckLease().
  if (state_.IsHeld() || !is_replaceable_) RenewLease();
  if (must_save_) BeginSave();
  if (std::exchange(must_tell_all_, false)) {
    must_tell_shard_ = false;
    PongAll(false);
  }
  if (std::exchange(must_tell_shard_, false)) PongAll(true);
  if (must_ping_shard_ && IsClaimSaid()) {
    must_ping_shard_ = false;
    PingShard();
  }
}

}  // namespace slotway::storage::cluster
