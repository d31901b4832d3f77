// SPDX-License-Identifier: Apache-2.0
// Elections: a replica that asks for votes, and a master that gives them.
#include <algorithm>
#include <utility>

#include "storage/cluster/cluster_bus.h"

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;

constexpr std::int64_t kDelayMsMax = 500;       // before a candidate asks: FAIL has to get around
constexpr std::int64_t kRankDelayMsMax = 1000;  // for each replica that has more data
constexpr std::int64_t kPingPeriodMs = 10'000;
constexpr std::size_t kPromisesMax = 1024;
// A master that holds back writes says so in each tick. One that says nothing may be another
// process.
constexpr std::int64_t kAgreedMsMax = 300;
// In node timeouts: for so long a new master that others may not know yet does not vote. Not for
// ever, or two of them could wait for each other.
constexpr std::int64_t kUnknownTimeouts = 4;

}  // namespace

// ---- The candidate

std::int64_t ClusterBus::MyRankedOffset() const {
  return replication_.HasCopy() ? replication_.Offset() : 0;
}

int ClusterBus::MyRank() const {
  int rank = 0;
  for (NodeIndex replica : state_.ReplicasOf(Me().master)) {
    const ClusterNode& node = state_.Node(replica);
    if (node.IsMyself() || node.IsFailed() || node.flags.Has(NodeFlag::kNoFailover)) continue;
    const bool is_before = node.repl_offset == MyRankedOffset() && node.id < Me().id;
    if (node.repl_offset > MyRankedOffset() || is_before) ++rank;
  }
  return rank;
}

// Whether the data is fit to be served.
bool ClusterBus::MayStand() const {
  if (settings_.validity_factor == 0) return true;
  if (!replication_.HasCopy()) return false;
  std::int64_t age_ms = replication_.SilentMs();
  if (age_ms > Timeout()) age_ms -= Timeout();
  return age_ms <= kPingPeriodMs + Timeout() * settings_.validity_factor;
}

void ClusterBus::TickElection() {
  if (victory_) return;
  const NodeIndex master = Me().master;
  const bool is_manual = manual_.ends_ms != 0 && manual_.can_start;
  const bool is_wanted =
      Me().IsReplica() && master != kNoNode && state_.Node(master).slot_count != 0 &&
      (is_manual || (state_.Node(master).IsFailed() && !settings_.never_fails_over && MayStand()));
  if (!is_wanted) {
    election_ = {};
    return;
  }
  const std::int64_t now_ms = host_.NowMs();
  const bool is_over = election_.starts_ms != 0 && now_ms - election_.starts_ms > 2 * ElectionMs();
  if (election_.starts_ms == 0 || is_over) ScheduleElection(now_ms);
  const std::int64_t rank_delay_ms = std::min(kRankDelayMsMax, Timeout() / 4);
  if (election_.requested_ms == 0 && !is_manual) {
    if (const int rank = MyRank(); rank > election_.rank) {
      election_.starts_ms += (rank - election_.rank) * rank_delay_ms;
      election_.rank = rank;
    }
  }
  if (election_.requested_ms != 0 || now_ms < election_.starts_ms) return;
  if (is_manual || KnowsConfirmed()) RequestVotes();
}

void ClusterBus::ScheduleElection(std::int64_t now_ms) {
  const bool is_manual = manual_.ends_ms != 0 && manual_.can_start;
  const std::int64_t delay_ms = std::min(kDelayMsMax, Timeout() / 20);
  const std::int64_t rank_delay_ms = std::min(kRankDelayMsMax, Timeout() / 4);
  election_ = {};
  election_.rank = is_manual ? 0 : MyRank();
  const auto chance_ms =
      static_cast<std::int64_t>(host_.Random() % static_cast<std::uint64_t>(delay_ms + 1));
  election_.starts_ms =
      is_manual ? now_ms : now_ms + delay_ms + chance_ms + election_.rank * rank_delay_ms;
  // The others of this shard rank by what they know of each other's data.
  must_tell_shard_ = true;
  election_.asked_ms = now_ms;
  if (!is_manual) KnowsConfirmed();
}

// Whether what was confirmed to clients is here: so many replicas of the shard say that they have
// no more that one of them would know of it. Those who have not said so yet are told first that the
// master has failed, so that they acknowledge no more to it, then asked.
bool ClusterBus::KnowsConfirmed() {
  if (settings_.replicas_to_ack == 0) return true;
  const std::vector<NodeIndex> replicas = state_.ReplicasOf(Me().master);
  const std::size_t needed = settings_.replicas_to_ack > 0
                                 ? static_cast<std::size_t>(settings_.replicas_to_ack)
                                 : std::max<std::size_t>((replicas.size() + 1) / 2, 1);
  BusMessage failed = MessageOf(BusMessageType::kFail);
  failed.failed = state_.Node(Me().master).id;
  std::size_t heard = 1;
  bool has_most = true;
  for (NodeIndex replica : replicas) {
    if (replica == state_.MyIndex()) continue;
    const Peer& peer = PeerOf(replica);
    if (peer.answered_ms >= election_.asked_ms) {
      has_most = has_most && state_.Node(replica).repl_offset <= MyRankedOffset();
      ++heard;
    } else if (peer.is_out_up && (peer.pings.empty() || peer.pings.back() < election_.asked_ms)) {
      Send(peer.out, failed);
      SendPing(state_.Node(replica).id, BusMessageType::kPing);
    }
  }
  return has_most && heard + needed > replicas.size();
}

void ClusterBus::RequestVotes() {
  state_.SetCurrentEpoch(Epoch(ToInt(state_.MaxEpoch()) + 1));
  election_.epoch = state_.CurrentEpoch();
  election_.requested_ms = host_.NowMs();
  election_.votes.clear();
  PingVoters();  // with those that it is going to count
  BeginSave();
  host_.Log("asking for votes in epoch " + std::to_string(ToInt(election_.epoch)));
  BusMessage message = MessageOf(BusMessageType::kVoteRequest);
  if (manual_.ends_ms != 0) message.message_flags |= kBusForceAck;
  SendToAll(message);
}

void ClusterBus::OnVote(NodeIndex sender, const BusMessage& message) {
  const bool is_asking = Me().IsReplica() && Me().master != kNoNode && election_.requested_ms != 0;
  if (!is_asking || !IsVoter(sender) || message.current_epoch < election_.epoch) return;
  if (host_.NowMs() - election_.requested_ms > ElectionMs()) return;
  // For no longer the other replicas acknowledge nothing to the old master.
  const bool is_late = host_.NowMs() - election_.asked_ms > 2 * ElectionMs();
  if (settings_.replicas_to_ack != 0 && manual_.ends_ms == 0 && is_late) return;
  election_.votes.insert(message.sender);
  if (state_.CountVoters(election_.votes) < Majority()) return;
  // For so long those who voted let nobody else have these slots: see ARCHITECTURE.md, "The lease".
  std::int64_t free_until_ms = election_.requested_ms + 2 * ElectionMs();
  if (manual_.ends_ms != 0) {
    const bool is_agreed =
        manual_.target_offset && host_.NowMs() - manual_.agreed_ms <= kAgreedMsMax;
    // A master without its data says so for longer than this after it has ceased to lack them.
    const std::int64_t lacks_data_ms = PeerOf(Me().master).lacks_data_ms;
    free_until_ms = is_agreed            ? manual_.ends_ms
                    : lacks_data_ms != 0 ? lacks_data_ms + Timeout()
                                         : 0;
  }
  Win({.old_master = state_.Node(Me().master).id,
       .epoch = election_.epoch,
       .free_until_ms = free_until_ms,
       .is_voted = true,
       .votes = manual_.ends_ms == 0 ? election_.votes : std::set<NodeId>()});
}

// First to the disk: EndVictory() goes on.
void ClusterBus::Win(const Victory& victory) {
  election_ = {};
  victory_ = victory;
  saves_.of_claim = 0;
  BeginSave();
}

void ClusterBus::EndVictory(bool is_saved) {
  const Victory victory = *std::exchange(victory_, std::nullopt);
  const NodeIndex old_master = Me().master;
  const std::int64_t now_ms = host_.NowMs();
  const bool is_gone = IsKnownGone(PeerOf(old_master));
  // Whoever it replaces may have come back, and clients with it.
  const bool is_late = victory.free_until_ms != 0 && now_ms > victory.free_until_ms;
  EndManual();
  if (!is_saved || is_late || state_.Node(old_master).config_epoch >= victory.epoch) {
    host_.Log("elected in vain: nodes.conf cannot be written, or not in time");
    must_save_ = true;
    return;
  }
  state_.TakePlace(old_master, victory.epoch);
  replication_.BecomeMaster();
  followed_.clear();
  host_.Log("elected: master in epoch " + std::to_string(ToInt(victory.epoch)));
  must_tell_all_ = true;
  const bool is_free = victory.free_until_ms == 0 && is_gone;
  BeginTakeover({.free_until_ms = is_free ? now_ms + ElectionMs() : victory.free_until_ms,
                 .from = victory.is_voted ? std::optional(victory.old_master) : std::nullopt,
                 .votes = victory.votes});
  SendPing(victory.old_master, BusMessageType::kPing);
  PingVoters();
}

// ---- The voter

void ClusterBus::OnVoteRequest(const BusMessage& message) {
  PendingVote request{.candidate = message.sender,
                      .epoch = message.current_epoch,
                      .config_epoch = message.config_epoch,
                      .slots = message.slots,
                      .is_forced = message.HasMessageFlag(kBusForceAck),
                      .ends_ms = host_.NowMs() + ElectionMs()};
  if (pending_vote_ && pending_vote_->epoch > request.epoch) return;
  pending_vote_.reset();
  // What stands against it may be over in a moment: that FAIL is not here yet, or a lease.
  if (!TryVote(request)) pending_vote_ = std::move(request);
}

void ClusterBus::TickPendingVote() {
  if (!pending_vote_) return;
  const PendingVote request = *pending_vote_;
  if (host_.NowMs() > request.ends_ms || TryVote(request)) pending_vote_.reset();
}

bool ClusterBus::HasNewerOwner(const PendingVote& request) {
  NodeIndex newer = kNoNode;
  request.slots.ForEach([&](Slot slot) {
    const NodeIndex owner = state_.OwnerOf(slot);
    if (owner == kNoNode || state_.Node(owner).config_epoch <= request.config_epoch) return;
    newer = owner;
  });
  if (newer == kNoNode) return false;
  // So that the candidate learns why.
  const Peer& peer = PeerOf(request.candidate);
  if (peer.is_out_up) SendUpdate(peer.out, newer);
  return true;
}

// Once the process that has the promise is gone it cannot use it, and the slots may go on to
// another. Nor does it stand against a replica of whoever has it: what it protects is that one's
// lease, which has been waited for (MayHoldLease), or it agrees (a manual failover).
bool ClusterBus::IsVotedAway(const NodeId& node, const SlotBitmap& slots, const NodeId& master) {
  std::erase_if(promises_, [&](const VotePromise& promise) {
    if (promise.candidate == node || !promise.slots.Meets(slots)) return false;
    auto peer = peers_.find(promise.candidate);
    return peer != peers_.end() && IsKnownGone(peer->second);
  });
  const std::int64_t now_ms = host_.NowMs();
  return std::any_of(promises_.begin(), promises_.end(), [&](const VotePromise& promise) {
    return promise.ends_ms >= now_ms && promise.candidate != node && promise.candidate != master &&
           promise.slots.Meets(slots);
  });
}

bool ClusterBus::IsPromisedToOther(const NodeId& node, const SlotBitmap& slots) {
  const std::int64_t now_ms = host_.NowMs();
  std::erase_if(promises_, [&](const VotePromise& promise) { return promise.ends_ms < now_ms; });
  return std::any_of(promises_.begin(), promises_.end(), [&](const VotePromise& promise) {
    return promise.candidate != node && promise.slots.Meets(slots);
  });
}

// Whether somebody else may still serve these slots because this node answered it.
bool ClusterBus::MayHoldLease(const NodeId& candidate, NodeIndex master, const SlotBitmap& slots) {
  if (settings_.lease_ms == 0) return false;
  const std::int64_t now_ms = host_.NowMs();
  const NodeId master_id = state_.Node(master).id;
  return std::any_of(peers_.begin(), peers_.end(), [&](const auto& row) {
    const auto& [id, peer] = row;
    if (id == candidate || now_ms - peer.pong_sent_ms >= Timeout() || IsKnownGone(peer)) {
      return false;
    }
    return peer.claim ? peer.claim->slots.Meets(slots) : id == master_id;
  });
}

bool ClusterBus::TryVote(const PendingVote& request) {
  const NodeIndex candidate = state_.Find(request.candidate);
  if (candidate == kNoNode || !IsVoter(state_.MyIndex())) return true;
  if (takeover_ && host_.NowMs() < takeover_->begun_ms + kUnknownTimeouts * Timeout()) return false;
  if (request.epoch < state_.CurrentEpoch() || state_.LastVoteEpoch() >= request.epoch) return true;
  const NodeIndex master = state_.Node(candidate).master;
  if (!state_.Node(candidate).IsReplica() || master == kNoNode) return true;
  if (HasNewerOwner(request)) return true;
  if (!request.is_forced) {
    if (!state_.Node(master).IsFailed()) return false;
    if (MayHoldLease(request.candidate, master, request.slots)) return false;
  }
  if (host_.NowMs() < denies_until_ms_) return false;
  const NodeId old_master = state_.Node(master).id;
  if (IsVotedAway(request.candidate, request.slots, old_master)) return false;
  if (promises_.size() >= kPromisesMax) return true;
  state_.SetLastVoteEpoch(request.epoch);
  BeginSave();
  std::erase_if(promises_, [&](const VotePromise& promise) {
    return promise.candidate == old_master && promise.slots.Meets(request.slots);
  });
  promises_.push_back({request.candidate, request.slots, host_.NowMs() + 2 * ElectionMs()});
  host_.Log("voted for " + std::string(request.candidate.Text()) + " in epoch " +
            std::to_string(ToInt(request.epoch)));
  const Peer& peer = PeerOf(request.candidate);
  if (const LinkId link = peer.is_out_up ? peer.out : peer.in; link != kNoLink) {
    TellOfVoters(link, request.candidate);
    Promise(link, MessageOf(BusMessageType::kVote));
  }
  return true;
}

}  // namespace slotway::storage::cluster
