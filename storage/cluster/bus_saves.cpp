// SPDX-License-Identifier: Apache-2.0
// The disk: nodes.conf is written while this node goes on, but for what others build on.
//
// A vote, and the epoch in which this node asks for votes, are sent once they are on the disk, and
// never if they cannot be written. Nor does anybody hear of a config epoch of this node's own, or
// of slots that it has gained, before the disk has them: who has heard a config epoch takes a lower
// one for an old message, and would send clients to an owner that knows nothing of it after a
// crash. Until then this node says of itself what it said before. Everything else a node learns
// again.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "storage/cluster/cluster_bus.h"

namespace slotway::storage::cluster {
namespace {

// More is not kept: whoever gets no answer makes a new link in the end.
constexpr std::size_t kHeldMax = 4096;

Claim ClaimIn(const ClusterState& state) {
  return {.config_epoch = state.Myself().config_epoch, .slots = state.BitmapOf(state.MyIndex())};
}

}  // namespace

std::uint64_t ClusterBus::SaveSoon() {
  must_save_ = true;
  return saves_.begun + 1;
}

std::uint64_t ClusterBus::BeginSave() {
  must_save_ = saves_.is_wanted_later = false;
  std::optional<ClusterState> next;
  if (victory_) {
    next = state_;
    next->TakePlace(next->Find(victory_->old_master), victory_->epoch);
  }
  const ClusterState& state = next ? *next : state_;
  ++saves_.begun;
  if (saves_.of_claim == 0) {
    saves_.next_claim = ClaimIn(state);
    saves_.of_claim = saves_.begun;
  }
  host_.Save(state, saves_.begun);
  return saves_.begun;
}

void ClusterBus::Send(LinkId link, const BusMessage& message) {
  if (IsSilent()) return;
  ++counters_.sent[static_cast<std::size_t>(message.type)];
  host_.Send(link, message);
}

void ClusterBus::Promise(LinkId link, const BusMessage& message) {
  if (IsSilent() || saves_.held.size() >= kHeldMax) return;
  saves_.held.push_back({saves_.begun, link, message});
}

void ClusterBus::OnSaved(std::uint64_t number, bool is_written) {
  saves_.settled = std::max(saves_.settled, number);
  saves_.must_retry = !is_written;
  bool has_broken = false;
  while (!saves_.held.empty() && saves_.held.front().save <= saves_.settled) {
    const HeldMessage held = std::move(saves_.held.front());
    saves_.held.pop_front();
    has_broken = has_broken || !is_written;
    if (is_written) Send(held.link, held.message);
  }
  if (has_broken) host_.Log("neither votes nor asks for votes: nodes.conf cannot be written");
  if (saves_.of_claim == 0 || saves_.of_claim > saves_.settled) return;
  saves_.of_claim = 0;
  if (is_written) Announce();
  if (victory_) EndVictory(is_written);
}

// What was saved may be said. Slots that are mine no more are in no message: see MessageOf().
void ClusterBus::Announce() {
  const bool was_said = IsClaimSaid();
  must_tell_all_ = must_tell_all_ || saves_.next_claim.config_epoch != saves_.claim.config_epoch ||
                   !saves_.claim.slots.Covers(saves_.next_claim.slots);
  saves_.claim = saves_.next_claim;
  saves_.said = {};
  // What was answered until now was no answer to it.
  if (!was_said && IsClaimSaid() && takeover_) BeginTakeover(*takeover_);
  must_save_ = must_save_ || !IsClaimSaid();
}

}  // namespace slotway::storage::cluster
