// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/slot_repair.h"

#include <algorithm>

namespace slotway::proxy {
namespace {

std::uint64_t KeysAt(const TroubledSlot& trouble, const std::string& id) {
  auto found = trouble.keys.find(id);
  return found == trouble.keys.end() ? 0 : found->second;
}

bool IsMarked(const TroubledSlot& trouble, const std::string& id) {
  auto holds = [&](const std::vector<std::string>& ids) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  return holds(trouble.importing) || holds(trouble.leaving);
}

// Who has most keys of the slot, but for the owner; empty if nobody has any.
std::string MostKeysElsewhere(const TroubledSlot& trouble) {
  std::string best;
  for (const auto& [id, count] : trouble.keys) {
    if (id == trouble.owner || count == 0) continue;
    if (best.empty() || count > KeysAt(trouble, best)) best = id;
  }
  return best;
}

std::string FinalOwner(const TroubledSlot& trouble) {
  const bool is_target_known = trouble.keys.contains(trouble.migrating_to);
  if (!trouble.owner.empty() && is_target_known) return trouble.migrating_to;
  std::string holder = MostKeysElsewhere(trouble);
  if (!holder.empty()) return holder;
  if (!trouble.importing.empty()) return trouble.importing.front();
  if (!trouble.owner.empty()) return trouble.owner;
  auto least = std::min_element(trouble.slot_counts.begin(), trouble.slot_counts.end(),
                                [](const auto& a, const auto& b) { return a.second < b.second; });
  return least == trouble.slot_counts.end() ? std::string() : least->first;
}

}  // namespace

SlotRepair PlanRepair(const TroubledSlot& trouble) {
  SlotRepair repair;
  repair.slot = trouble.slot;
  repair.owner = FinalOwner(trouble);
  repair.is_unowned = trouble.owner.empty();
  if (!trouble.owner.empty() && trouble.owner != repair.owner) repair.moves_from = trouble.owner;
  for (const auto& [id, count] : trouble.keys) {
    if (count != 0 && id != repair.owner && id != trouble.owner) repair.strays.push_back(id);
  }
  for (const auto& [id, count] : trouble.keys) {
    const bool is_moving =
        !repair.moves_from.empty() && (id == repair.owner || id == trouble.owner);
    if (IsMarked(trouble, id) && !is_moving) repair.settles.push_back(id);
  }
  return repair;
}

}  // namespace slotway::proxy
