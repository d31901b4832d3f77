// SPDX-License-Identifier: Apache-2.0
// How all slots are dealt out to new masters.
#pragma once

namespace slotway::protocol {

// The slots from `first` to `last`, both included.
struct SlotBounds {
  int first;
  int last;
};

// The slots of the part `index` (from 0) if all slots are dealt out in `parts` parts, as redis-cli
// deals them out: sizes differ by one at most, and three parts are 0-5460, 5461-10922, 10923-16383.
// REQUIRES: 0 <= index < parts <= kSlotCount.
SlotBounds PartOfSlots(int index, int parts);

}  // namespace slotway::protocol
