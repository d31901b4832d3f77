// SPDX-License-Identifier: Apache-2.0
// Walks through a keyspace: all of it, by a cursor, and the records that an expiry token may mean.
#pragma once

#include <cstdint>

#include "storage/engine/keyspace_impl.h"

namespace slotway::storage {

template <class VisitFn>
std::uint64_t Keyspace::Impl::Walk(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const {
  // A cursor is the slot, then the position within its table (see ElasticTable).
  constexpr int kPositionBits = 32;
  if (!slots) return 0;
  std::uint64_t slot = cursor >> kPositionBits;
  std::uint64_t position = cursor & (ElasticTable::kPositionEnd - 1);
  std::size_t visited = 0;
  while (slot < protocol::kSlotCount) {
    if (size_of_group[slot / kGroupSlots] == 0) {
      slot = (slot / kGroupSlots + 1) * kGroupSlots;
      position = 0;
      continue;
    }
    const ElasticTable& table = slots[slot].table;
    const auto typed_slot = static_cast<protocol::Slot>(slot);
    while (table.size() > 0 && position < ElasticTable::kPositionEnd) {
      if (visited >= count) return slot << kPositionBits | position;
      position = table.VisitFrom(position, [&](Spot spot) {
        ++visited;
        visit(typed_slot, spot);
      });
    }
    ++slot;
    position = 0;
  }
  return 0;
}

template <class VisitFn>
void Keyspace::Impl::VisitToken(ExpiryWheel::Token token, VisitFn&& visit) const {
  if (!slots) return;
  constexpr std::uint64_t kSpan = ElasticTable::kPositionEnd >> kTokenHashBits;
  const std::uint64_t first = (token & ((1u << kTokenHashBits) - 1)) * kSpan;
  KeysOf(SlotOf(token)).table.VisitRange(first, first + kSpan, visit);
}

}  // namespace slotway::storage
