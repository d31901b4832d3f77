// SPDX-License-Identifier: Apache-2.0
// Which node owns each slot, in 512 bytes where it can be.
//
// Slots are given to nodes in long ranges, while keys ask for slots all over the map. So there is
// an entry for every 64 slots, which is all that is looked at where one node owns them all: eight
// cache lines stay near where 512 would not. One for each slot stands behind.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "protocol/slot.h"
#include "proxy/backend/backend_pool.h"

namespace slotway::proxy {

class SlotOwners {
 public:
  SlotOwners() { Clear(); }

  // Nobody owns anything.
  void Clear() {
    of_slot_.fill(kNoNodeIndex);
    of_block_.fill(kNoNodeIndex);
  }

  // kNoNodeIndex if nobody owns it.
  NodeIndex operator[](protocol::Slot slot) const {
    const auto index = static_cast<std::size_t>(protocol::ToInt(slot));
    const NodeIndex node = of_block_[index / kBlockSlots];
    return node != kMixed ? node : of_slot_[index];
  }

  // Returns who owned it before.
  NodeIndex Set(protocol::Slot slot, NodeIndex node) {
    const auto index = static_cast<std::size_t>(protocol::ToInt(slot));
    const NodeIndex before = std::exchange(of_slot_[index], node);
    if (before != node) SumUp(index / kBlockSlots);
    return before;
  }

  std::span<const NodeIndex, protocol::kSlotCount> Each() const { return of_slot_; }

 private:
  static constexpr std::size_t kBlockSlots = 64;
  static constexpr NodeIndex kMixed = kNoNodeIndex - 1;  // of a block: several own it

  void SumUp(std::size_t block) {
    const NodeIndex* first = &of_slot_[block * kBlockSlots];
    const bool is_mixed =
        std::any_of(first, first + kBlockSlots, [first](NodeIndex node) { return node != *first; });
    of_block_[block] = is_mixed ? kMixed : *first;
  }

  std::array<NodeIndex, protocol::kSlotCount / kBlockSlots> of_block_;
  std::array<NodeIndex, protocol::kSlotCount> of_slot_;
};

}  // namespace slotway::proxy
