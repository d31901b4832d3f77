// SPDX-License-Identifier: Apache-2.0
// When and where the tests of a keyspace and of its values take place.
#pragma once

#include <cstdint>

#include "protocol/slot.h"
#include "storage/engine/keyspace.h"

namespace slotway::storage {

inline constexpr std::int64_t kNow = 1'700'000'000'000;  // ms since 1970
inline constexpr protocol::Slot kSlot{42};
inline constexpr KeyRef kFrom{protocol::Slot{1}, "from"};
inline constexpr KeyRef kTo{protocol::Slot{1}, "to"};

}  // namespace slotway::storage
