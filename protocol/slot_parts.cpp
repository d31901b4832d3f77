// SPDX-License-Identifier: Apache-2.0
#include "protocol/slot_parts.h"

#include "protocol/slot.h"

namespace slotway::protocol {

SlotBounds PartOfSlots(int index, int parts) {
  // Rounded to the nearest slot.
  auto first_of = [parts](int part) { return (2 * part * kSlotCount + parts) / (2 * parts); };
  return {first_of(index), first_of(index + 1) - 1};
}

}  // namespace slotway::protocol
