// SPDX-License-Identifier: Apache-2.0
// Which slots have to move so that every master has its share.
//
// Pure: the same shares give the same moves, and shares that are as wanted give none. So a plan
// that was carried out in part is finished by planning again.
#pragma once

#include <compare>
#include <span>
#include <string>
#include <vector>

namespace slotway::proxy {

struct SlotShare {
  std::string id;
  std::vector<int> slots;  // ascending
  double weight = 1;       // 0: shall have none
};

struct SlotMove {
  int slot;
  std::string from;
  std::string to;
  auto operator<=>(const SlotMove&) const = default;
};

// How many slots each share is to have, in proportion to the weights; the sum is that of now. Of
// the remainder of the division those get one that have more already. REQUIRES: a weight above 0.
std::vector<int> WantedCounts(std::span<const SlotShare> shares);

// Moves in the order of sources, then of slots: what comes and goes together stands together.
std::vector<SlotMove> PlanMoves(std::span<const SlotShare> shares);

// Gives every slot of the shares without weight to whoever of the others has fewest then; nothing
// else moves. REQUIRES: a weight above 0.
std::vector<SlotMove> PlanDrain(std::span<const SlotShare> shares);

}  // namespace slotway::proxy
