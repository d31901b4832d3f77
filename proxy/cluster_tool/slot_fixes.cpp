// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/slot_fixes.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <set>

#include "protocol/slot.h"
#include "protocol/slot_parts.h"
#include "proxy/cluster_tool/cluster_health.h"
#include "proxy/cluster_tool/placed_nodes.h"
#include "proxy/cluster_tool/role_plan.h"
#include "proxy/cluster_tool/slot_repair.h"

namespace slotway::proxy {
namespace {

using protocol::RespValue;
using runtime::Fail;
using runtime::Result;

constexpr std::size_t kAskedAtOnce = 1024;

std::set<int> OpenSlots(const ClusterSession& session) {
  std::set<int> slots;
  for (const std::string& id : session.Masters()) {
    for (const auto& [slot, _] : session.View(id).migrating_to) slots.insert(slot);
    for (const auto& [slot, _] : session.View(id).importing_from) slots.insert(slot);
  }
  return slots;
}

// How many keys of each slot the node holds.
Result<std::map<int, std::uint64_t>> CountKeys(NodeClient& node, const std::vector<int>& slots) {
  std::map<int, std::uint64_t> counts;
  Result<RespValue> all = node.Call({"DBSIZE"});
  if (!all) return tl::unexpected(all.error());
  if (all->integer == 0) return counts;
  for (std::size_t begin = 0; begin < slots.size(); begin += kAskedAtOnce) {
    const std::size_t end = std::min(slots.size(), begin + kAskedAtOnce);
    std::vector<NodeRequest> requests;
    for (std::size_t i = begin; i < end; ++i) {
      requests.push_back({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slots[i])});
    }
    auto replies = node.AskAll(requests);
    if (!replies) return tl::unexpected(replies.error());
    for (std::size_t i = begin; i < end; ++i) {
      const RespValue& reply = (*replies)[i - begin];
      if (reply.IsError()) return Fail(node.Name() + ": " + reply.text);
      if (reply.integer > 0) counts[slots[i]] = static_cast<std::uint64_t>(reply.integer);
    }
  }
  return counts;
}

TroubledSlot Describe(const ClusterSession& session, int slot) {
  TroubledSlot trouble;
  trouble.slot = slot;
  trouble.owner = session.OwnerOf(slot);
  for (const std::string& id : session.Masters()) {
    const NodeView& view = session.View(id);
    trouble.slot_counts[id] = view.CountSlotsOf(id);
    trouble.keys[id] = 0;
    if (view.importing_from.contains(slot)) trouble.importing.push_back(id);
    auto leaving = view.migrating_to.find(slot);
    if (leaving == view.migrating_to.end()) continue;
    trouble.leaving.push_back(id);
    if (id == trouble.owner) trouble.migrating_to = leaving->second;
  }
  return trouble;
}

// Those that are open, and those that have keys and no owner.
Result<std::vector<TroubledSlot>> FindTrouble(ClusterSession& session) {
  const std::set<int> open = OpenSlots(session);
  std::vector<int> slots;
  for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
    if (open.contains(slot) || session.OwnerOf(slot).empty()) slots.push_back(slot);
  }
  std::map<int, TroubledSlot> troubles;
  for (int slot : open) troubles[slot] = Describe(session, slot);
  for (const std::string& id : session.Masters()) {
    auto counts = CountKeys(session.Client(id), slots);
    if (!counts) return tl::unexpected(counts.error());
    for (const auto& [slot, count] : *counts) {
      if (!troubles.contains(slot)) troubles[slot] = Describe(session, slot);
      troubles[slot].keys[id] = count;
    }
  }
  std::vector<TroubledSlot> list;
  for (auto& [_, trouble] : troubles) list.push_back(std::move(trouble));
  return list;
}

Result<void> SetSlot(NodeClient& node, int slot, const std::string& what,
                     const std::string& peer = {}) {
  NodeRequest request = {"CLUSTER", "SETSLOT", std::to_string(slot), what};
  if (!peer.empty()) request.push_back(peer);
  auto reply = node.Call(request);
  if (!reply) return tl::unexpected(reply.error());
  return {};
}

// What comes before the move, if there is one: an owner, and keys at nodes that have none of it.
Result<void> Prepare(ClusterSession& session, SlotMover& mover, const SlotRepair& repair) {
  NodeClient& owner = session.Client(repair.owner);
  Result<void> done;
  if (repair.is_unowned) {
    done = SetSlot(owner, repair.slot, "STABLE");
    if (!done) return done;
    auto added = owner.Call({"CLUSTER", "ADDSLOTS", std::to_string(repair.slot)});
    if (!added) return tl::unexpected(added.error());
  } else if (!repair.moves_from.empty() && !repair.strays.empty()) {
    done = SetSlot(owner, repair.slot, "IMPORTING", repair.moves_from);
  }
  for (const std::string& stray : repair.strays) {
    // A node hands out keys of a slot only while that is open.
    if (done) done = SetSlot(session.Client(stray), repair.slot, "IMPORTING", repair.owner);
    if (done) done = mover.MoveKeys({repair.slot, stray, repair.owner}, false);
    if (done) done = SetSlot(session.Client(stray), repair.slot, "STABLE");
  }
  return done;
}

Result<void> CarryOut(ClusterSession& session, SlotMover& mover,
                      const std::vector<SlotRepair>& repairs) {
  std::vector<SlotMove> moves;
  for (const SlotRepair& repair : repairs) {
    if (auto done = Prepare(session, mover, repair); !done) return done;
    if (!repair.moves_from.empty()) {
      moves.push_back({repair.slot, repair.moves_from, repair.owner});
    }
  }
  if (auto moved = mover.Move(moves, SlotMover::Way::kKeyByKey); !moved) return moved;
  for (const SlotRepair& repair : repairs) {
    for (const std::string& id : repair.settles) {
      if (auto done = SetSlot(session.Client(id), repair.slot, "STABLE"); !done) return done;
    }
  }
  return {};
}

void Announce(const ClusterSession& session, const std::vector<SlotRepair>& repairs) {
  std::map<std::string, std::vector<int>> slots;
  for (const SlotRepair& repair : repairs) {
    slots[(repair.moves_from.empty() ? "to be settled at " : "to go on moving to ") +
          session.NameOf(repair.owner)]
        .push_back(repair.slot);
  }
  for (const auto& [what, list] : slots) Say(fmt::format("slots {} {}", what, RangesText(list)));
}

}  // namespace

Result<int> FixSlots(ClusterSession& session, SlotMover& mover) {
  auto troubles = FindTrouble(session);
  if (!troubles) return tl::unexpected(troubles.error());
  std::vector<SlotRepair> repairs;
  for (const TroubledSlot& trouble : *troubles) {
    if (!trouble.owner.empty() && !session.IsReached(trouble.owner)) {
      return Fail(fmt::format("slot {} is on the move, and its owner cannot be reached: {}",
                              trouble.slot, session.ProblemOf(trouble.owner)));
    }
    repairs.push_back(PlanRepair(trouble));
  }
  Announce(session, repairs);
  if (auto done = CarryOut(session, mover, repairs); !done) return tl::unexpected(done.error());
  return static_cast<int>(repairs.size());
}

Result<int> CoverSlots(ClusterSession& session, const std::vector<std::string>& ids,
                       std::size_t masters) {
  const std::vector<PlacedNode> nodes = PlacedNodes(session, ids);
  const std::vector<std::size_t> chosen = ChooseMasters(nodes, masters);
  int given = 0;
  for (std::size_t part = 0; part < chosen.size(); ++part) {
    const protocol::SlotBounds bounds =
        protocol::PartOfSlots(static_cast<int>(part), static_cast<int>(chosen.size()));
    std::vector<int> slots;
    NodeRequest request = {"CLUSTER", "ADDSLOTS"};
    for (int slot = bounds.first; slot <= bounds.last; ++slot) {
      if (!session.OwnerOf(slot).empty()) continue;
      slots.push_back(slot);
      request.push_back(std::to_string(slot));
    }
    if (slots.empty()) continue;
    NodeClient& node = session.Client(nodes[chosen[part]].id);
    Say(fmt::format("{} takes slots {}", node.Name(), RangesText(slots)));
    if (auto added = node.Call(request); !added) return tl::unexpected(added.error());
    given += static_cast<int>(slots.size());
  }
  return given;
}

}  // namespace slotway::proxy
