// SPDX-License-Identifier: Apache-2.0
// What the cluster bus has given to the disk, and what it may not say before it is there.
//
// Values; engine thread.
#pragma once

#include <cstdint>
#include <deque>

#include "storage/cluster/bus_host.h"
#include "storage/cluster/bus_message.h"
#include "storage/cluster/node_id.h"
#include "storage/cluster/slot_bitmap.h"

namespace slotway::storage::cluster {

// A message that is not to be sent before what it builds on is on the disk.
struct HeldMessage {
  std::uint64_t save = 0;
  LinkId link = kNoLink;
  BusMessage message;
  bool is_promise = false;  // a vote, or an epoch to vote in: without the disk not sent at all
};

struct Saves {
  std::uint64_t begun = 0;       // the number of the last one
  std::uint64_t settled = 0;     // of the last one that was told of, written or not
  Epoch my_epoch{0};             // this node's own, in the last one that was begun for its sake
  std::uint64_t of_epoch = 0;    // and its number: what is said behind it waits for it
  bool must_retry = false;       // in the next tick: one has failed
  // Within a second: what may be forgotten leaves the disk to the votes that follow from it.
  bool is_wanted_later = false;
  std::deque<HeldMessage> held;  // bounded by kHeldMax
  // Slots of this node's own are claimed once they are on the disk: these, and those on their way.
  SlotBitmap my_slots, next_slots;
  std::uint64_t of_slots = 0;  // the number of the save that has `next_slots`; 0: none
};

}  // namespace slotway::storage::cluster
