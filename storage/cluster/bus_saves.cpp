// SPDX-License-Identifier: Apache-2.0
// The disk: nodes.conf is written while this node goes on, but for what others build on.
//
// A vote, and the epoch in which this node asks for votes, are sent once they are on the disk, and
// never if they cannot be written. A new config epoch of this node's own, too, comes to the disk
// before anybody hears of it, since who has heard it takes a lower one for an old message: all that
// is said behind it waits. Slots that it has gained it claims once they are on the disk: others would
// go on to send clients to an owner that knows nothing of it. If these cannot be written they are sent
// nevertheless, as the slots would have no owner. Everything else a node learns again after a crash.
#include <algorithm>
#include <string>
#include <utility>

#include "storage/cluster/cluster_bus.h"

namespace slotway::storage::cluster {
namespace {

// More is not kept: whoever gets no answer makes a new link in the end.
constexpr std::size_t kHeldMax = 4096;

}  // namespace

std::uint64_t ClusterBus::SaveSoon() {
  must_save_ = true;
  return saves_.begun + 1;
}

std::uint64_t ClusterBus::BeginSave() {
  must_save_ = saves_.is_wanted_later = false;
  host_.Save(state_, ++saves_.begun);
  if (saves_.of_slots == 0) {
    saves_.next_slots = state_.BitmapOf(state_.MyIndex());
    saves_.of_slots = saves_.begun;
  }
  return saves_.begun;
}

void ClusterBus::NoteOwnEpoch() {
  if (Me().config_epoch == saves_.my_epoch) return;
  saves_.my_epoch = Me().config_epoch;
  saves_.of_epoch = BeginSave();
  // What is said from here on is held until all of it is there.
  saves_.my_slots = saves_.next_slots = state_.BitmapOf(state_.MyIndex());
  saves_.of_slots = saves_.of_epoch;
  my_slots_version_ = 0;
}

void ClusterBus::Send(LinkId link, const BusMessage& message) {
  if (IsSilent()) return;
  ++counters_.sent[static_cast<std::size_t>(message.type)];
  if (saves_.of_epoch <= saves_.settled) return host_.Send(link, message);
  if (saves_.held.size() < kHeldMax) {
    saves_.held.push_back({saves_.of_epoch, link, message, false});
  }
}

void ClusterBus::Promise(LinkId link, const BusMessage& message) {
  if (IsSilent() || saves_.held.size() >= kHeldMax) return;
  saves_.held.push_back({saves_.begun, link, message, true});
}

// Also if they could not be written: see above.
void ClusterBus::ClaimSaved() {
  saves_.of_slots = 0;
  if (!saves_.my_slots.Covers(saves_.next_slots)) must_tell_all_ = true;
  saves_.my_slots = saves_.next_slots;
  my_slots_version_ = 0;
  if (!saves_.my_slots.Covers(state_.BitmapOf(state_.MyIndex()))) must_save_ = true;
}

void ClusterBus::OnSaved(std::uint64_t number, bool is_written) {
  saves_.settled = std::max(saves_.settled, number);
  saves_.must_retry = !is_written;
  std::deque<HeldMessage> held = std::exchange(saves_.held, {});
  bool has_broken = false;
  for (HeldMessage& waiting : held) {
    if (waiting.save > saves_.settled) {
      saves_.held.push_back(std::move(waiting));
    } else if (is_written || !waiting.is_promise) {
      if (waiting.is_promise) ++counters_.sent[static_cast<std::size_t>(waiting.message.type)];
      host_.Send(waiting.link, waiting.message);
    } else {
      has_broken = true;
    }
  }
  if (saves_.of_slots != 0 && saves_.of_slots <= saves_.settled) ClaimSaved();
  if (has_broken) host_.Log("neither votes nor asks for votes: nodes.conf cannot be written");
}

}  // namespace slotway::storage::cluster
