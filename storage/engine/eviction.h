// SPDX-License-Identifier: Apache-2.0
// What the keyspace and those who make room in it say to each other.
#pragma once

#include <cstdint>

#include "protocol/slot.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {

// Which keys go first.
enum class EvictionOrder : std::uint8_t { kLongestUnused, kLeastUsed, kSoonestDue };

// The rank of a key whose time has come: it goes before all others.
inline constexpr std::uint64_t kRankOfDue = UINT64_MAX;

// Finds a key again that was seen before. It need not be the same: when that one is gone, another
// may have its place, which is no harm to those who look at it anew.
struct KeyMark {
  std::uint64_t hash = 0;
  ArenaRef ref = 0;
  protocol::Slot slot{};
};

}  // namespace slotway::storage
