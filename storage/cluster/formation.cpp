// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/formation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "protocol/slot_parts.h"

namespace slotway::storage::cluster {
namespace {

using protocol::kSlotCount;
using protocol::Slot;

// For so long nobody may have come or gone.
constexpr std::int64_t kSettledMs = 1000;

}  // namespace

bool Formation::IsNew(NodeIndex index) const {
  return state_.Node(index).IsMaster() && state_.Node(index).slot_count == 0;
}

// This node and those that it has a link to, by their ids.
std::vector<NodeIndex> Formation::Present() const {
  std::vector<NodeIndex> present;
  for (std::size_t i = 0; i < state_.Nodes().size(); ++i) {
    const ClusterNode& node = state_.Nodes()[i];
    const bool is_well = node.is_link_up && !node.IsFailed() && !node.IsSuspected() &&
                         !node.flags.Has(NodeFlag::kHandshake) &&
                         !node.flags.Has(NodeFlag::kNoAddress);
    if (node.IsMyself() || is_well) present.push_back(NodeIndex(i));
  }
  std::sort(present.begin(), present.end(),
            [this](NodeIndex a, NodeIndex b) { return state_.Node(a).id < state_.Node(b).id; });
  return present;
}

bool Formation::IsSettled(std::int64_t now_ms) {
  std::string seen;
  for (NodeIndex index : Present()) {
    seen += state_.Node(index).id.Text();
    seen += IsNew(index) ? '-' : '+';
  }
  for (const ClusterNode& node : state_.Nodes()) {
    if (node.flags.Has(NodeFlag::kHandshake)) seen += '?';
  }
  if (seen != seen_ || seen.ends_with('?')) {
    seen_ = std::move(seen);
    seen_since_ms_ = now_ms;
  }
  return now_ms - seen_since_ms_ >= kSettledMs;
}

bool Formation::Tick(std::int64_t now_ms) {
  if (goal_.nodes == 0 || bus_.HasBeenReset() || state_.Myself().IsReplica()) return false;
  const bool has_taken = TakeGrant();
  const bool is_covered = state_.CountSlots().assigned == kSlotCount;
  if (is_covered) bus_.SetGrants({});
  const bool is_settled = IsSettled(now_ms);
  if (is_covered) {
    const bool joins = is_settled && IsNew(state_.MyIndex()) && JoinAsReplica();
    return has_taken || joins;
  }
  // Once it has begun it goes on without waiting.
  const bool has_begun = !IsNew(state_.MyIndex());
  return ((is_settled || has_begun) && LeadForming()) || has_taken;
}

bool Formation::LeadForming() {
  const std::vector<NodeIndex> present = Present();
  if (std::ssize(present) < goal_.nodes) return false;
  auto has_slots = [](const ClusterNode& node) { return node.slot_count != 0; };
  const bool has_owners = std::any_of(state_.Nodes().begin(), state_.Nodes().end(), has_slots);
  // The first that has slots leads; before there is one, the first of all.
  const auto leader = std::find_if(present.begin(), present.end(), [&](NodeIndex index) {
    return !has_owners || has_slots(state_.Node(index));
  });
  if (leader == present.end() || *leader != state_.MyIndex()) return false;
  std::vector<NodeIndex> spare;
  for (NodeIndex index : present) {
    if (IsNew(index)) spare.push_back(index);
  }
  const int parts = std::max(1, goal_.nodes / (1 + goal_.replicas));
  std::map<NodeId, SlotGrant> grants;
  auto next = spare.begin();
  bool has_taken = false;
  for (int part = 0; part < parts; ++part) {
    const auto [first, last] = protocol::PartOfSlots(part, parts);
    if (state_.OwnerOf(Slot(first)) != kNoNode) continue;
    if (next == spare.end()) break;
    const SlotGrant grant{static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last),
                          Epoch(static_cast<std::uint64_t>(part) + 1)};
    const NodeIndex node = *next++;
    if (node != state_.MyIndex()) {
      grants[state_.Node(node).id] = grant;
      continue;
    }
    ClusterState::Batch batch(state_);
    for (int slot = first; slot <= last; ++slot) state_.Assign(Slot(slot), node);
    state_.BumpConfigEpoch();
    has_taken = true;
  }
  bus_.SetGrants(std::move(grants));
  return has_taken;
}

// A new node believes whoever leads; what others own already it does not take.
bool Formation::TakeGrant() {
  const std::optional<SlotGrant> grant = bus_.TakeGrant();
  if (!grant || !IsNew(state_.MyIndex())) return false;
  for (int slot = grant->first; slot <= grant->last; ++slot) {
    if (state_.OwnerOf(Slot(slot)) != kNoNode) return false;
  }
  ClusterState::Batch batch(state_);
  for (int slot = grant->first; slot <= grant->last; ++slot) {
    state_.Assign(Slot(slot), state_.MyIndex());
  }
  if (ToInt(state_.Myself().config_epoch) == 0) {
    state_.SetConfigEpoch(state_.MyIndex(), grant->config_epoch);
    state_.SetCurrentEpoch(std::max(state_.CurrentEpoch(), grant->config_epoch));
  }
  return true;
}

// All that are new see the same masters and the same order, and choose different places.
bool Formation::JoinAsReplica() {
  std::vector<std::pair<std::size_t, NodeIndex>> places;  // how many are there before, whose
  std::vector<NodeIndex> spare;
  for (NodeIndex index : Present()) {
    if (IsNew(index)) spare.push_back(index);
    if (!state_.Node(index).IsMaster() || IsNew(index)) continue;
    for (std::size_t i = state_.ReplicasOf(index).size();
         i < static_cast<std::size_t>(goal_.replicas); ++i) {
      places.emplace_back(i, index);
    }
  }
  std::stable_sort(places.begin(), places.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto mine = std::find(spare.begin(), spare.end(), state_.MyIndex()) - spare.begin();
  if (mine >= std::ssize(places)) return false;
  const NodeIndex master = places[static_cast<std::size_t>(mine)].second;
  return bus_.Replicate(state_.Node(master).id.Text()).empty();
}

bool Formation::SeeksPeers() const {
  if (goal_.nodes == 0 || bus_.HasBeenReset()) return false;
  const auto others = std::ssize(state_.Nodes()) - 1;
  const auto linked = std::ssize(Present()) - 1;
  const bool is_member =
      !IsNew(state_.MyIndex()) || (linked > 0 && state_.CountSlots().assigned == kSlotCount);
  const bool is_forming = state_.CountSlots().assigned != kSlotCount && linked < goal_.nodes - 1;
  return is_member ? 2 * linked < others || (is_forming && others == 0) : is_forming || linked == 0;
}

bool Formation::IsKnownAddress(std::string_view ip, std::uint16_t port) const {
  return std::any_of(state_.Nodes().begin(), state_.Nodes().end(), [&](const ClusterNode& node) {
    const bool is_in_use =
        node.IsMyself() || node.is_link_up || node.flags.Has(NodeFlag::kHandshake);
    return is_in_use && node.ip == ip && node.port == port;
  });
}

}  // namespace slotway::storage::cluster
