// SPDX-License-Identifier: Apache-2.0
// The lease: a master serves only while a majority answered it a moment ago.
//
// An answer counts from when the question was asked. A node that gave its vote against a master, or
// knows a newer owner of its slots, does not answer it in this sense (Denies); and it gives no vote
// until what it answered is over (MayHoldLease). So two majorities never stand behind two owners.
// A replica that takes over without such votes waits until any older lease is over.
// Who never had a replica, and knew nobody at its start who may have been one, cannot be replaced
// by a vote, and needs no lease: only who has had a whole copy of its data stands for election, and
// to get one it was known here.
#include <algorithm>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "storage/cluster/cluster_bus.h"

namespace slotway::storage::cluster {

bool ClusterBus::NeedsLease() const {
  return settings_.lease_ms != 0 && is_replaceable_ && IsVoter(state_.MyIndex()) && Majority() > 1;
}

// Once it is so it stays so: others may know a replica longer than this node does.
bool ClusterBus::MayBeReplaced() {
  if (is_replaceable_ || !Me().IsMaster()) return is_replaceable_;
  is_replaceable_ = replication_.HasReplicas() || state_.HasReplicas(state_.MyIndex());
  return is_replaceable_;
}

bool ClusterBus::Denies(const NodeId& node, const Peer& peer) {
  const NodeIndex index = state_.Find(node);
  if (index == kNoNode) return false;
  if (state_.Node(index).IsFailed() || state_.Node(index).IsSuspected()) return true;
  if (host_.NowMs() < denies_until_ms_) return true;
  // Most voters may count whom this node replaces in its place.
  if (takeover_) return true;
  if (!peer.claim) return false;
  return !peer.claim->is_clean || IsPromisedToOther(node, peer.claim->slots);
}

void ClusterBus::BeginTakeover(Takeover takeover) {
  const std::int64_t now_ms = host_.NowMs();
  takeover.begun_ms = now_ms;
  takeover_ = std::move(takeover);
  state_.SetTakingOver(true);
  is_replaceable_ = true;
  serves_until_ms_ = 0;
  state_.SetHeld(true);
  // What is on its way was asked before, if only in this millisecond: its answers would know
  // nothing of the new claim.
  for (auto& [id, peer] : peers_) {
    peer.granted_ms = 0;
    for (std::int64_t& asked_ms : peer.pings) asked_ms = std::min(asked_ms, now_ms - 1);
  }
}

void ClusterBus::EndTakeover() {
  if (!state_.IsTakingOver()) return;
  takeover_.reset();
  state_.SetTakingOver(false);
  saves_.is_wanted_later = true;
}

// What others cannot have heard of they may give to another.
bool ClusterBus::HasUnknownSlots() const {
  return Me().slot_count != 0 && saves_.claim.slots.Empty();
}

void ClusterBus::ServeWithoutLease(std::int64_t now_ms) {
  // Not for ever: after a pause it is looked at anew before anything is served.
  serves_until_ms_ = settings_.lease_ms != 0 ? now_ms + settings_.lease_ms
                                             : std::numeric_limits<std::int64_t>::max();
  // No other master has to agree: whoever it replaces has so long to hear of it.
  if (takeover_ && now_ms > takeover_->free_until_ms) {
    serves_from_ms_ = takeover_->begun_ms + Timeout();
  }
  takeover_.reset();
  const bool is_early = settings_.lease_ms != 0 && now_ms < serves_from_ms_;
  state_.SetHeld(HasUnknownSlots() || is_early);
  if (!is_early) EndTakeover();
}

// One voter has come in the place of another. So that no majority of the voters before and one of
// those after it go on without knowing of each other, a majority of those before has to know it.
bool ClusterBus::IsTakeoverKnown() {
  if (!IsClaimSaid()) return false;
  if (!takeover_->from) return true;
  int others = 0, known = 0;
  for (const auto& [id, peer] : peers_) {
    const NodeIndex index = state_.Find(id);
    const bool is_voter = index != kNoNode && IsVoter(index);
    if (is_voter) ++others;
    if ((is_voter || id == takeover_->from) && peer.answered_ms >= takeover_->begun_ms) ++known;
  }
  return known >= std::min(Majority(), others);
}

// Since when this node and so many others as are a majority with it have said so.
std::int64_t ClusterBus::MajoritySinceMs(std::int64_t Peer::*said_ms) const {
  std::vector<std::int64_t> times;
  for (const auto& [id, peer] : peers_) {
    const NodeIndex index = state_.Find(id);
    if (index != kNoNode && IsVoter(index)) times.push_back(peer.*said_ms);
  }
  const auto others = static_cast<std::size_t>(Majority() - 1);
  if (times.size() < others) return 0;
  auto last = times.begin() + static_cast<std::ptrdiff_t>(others - 1);
  std::nth_element(times.begin(), last, times.end(), std::greater<>());
  return *last;
}

void ClusterBus::RenewLease() {
  const std::int64_t now_ms = host_.NowMs();
  MayBeReplaced();
  if (!NeedsLease()) return ServeWithoutLease(now_ms);
  const std::int64_t since_ms = MajoritySinceMs(&Peer::granted_ms);
  // Who answers without a grant knows of the claim, too: two that take over at the same time would
  // wait for each other.
  if (takeover_ && MajoritySinceMs(&Peer::answered_ms) >= takeover_->begun_ms &&
      IsTakeoverKnown()) {
    // Whoever came in a voter's place knows nothing of its promise.
    const std::set<NodeId>& votes = takeover_->votes;
    const bool is_promised = votes.empty() || state_.CountVoters(votes) >= Majority();
    const bool is_free = is_promised && now_ms <= takeover_->free_until_ms;
    if (!is_free) serves_from_ms_ = now_ms + Timeout();
    takeover_.reset();
    if (since_ms == 0) PingVoters();
    // Whoever it replaces may have answered them until now.
    for (auto& [id, peer] : peers_) peer.pong_sent_ms = std::max(peer.pong_sent_ms, now_ms);
  }
  const bool is_granted = since_ms != 0 && !takeover_ && !HasUnknownSlots();
  serves_until_ms_ = is_granted && now_ms >= serves_from_ms_ ? since_ms + settings_.lease_ms : 0;
  if (serves_until_ms_ != 0) EndTakeover();
  state_.SetHeld(now_ms >= serves_until_ms_);
}

void ClusterBus::CheckLease() {
  if (host_.NowMs() >= serves_until_ms_) RenewLease();
}

}  // namespace slotway::storage::cluster
