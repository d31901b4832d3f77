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
};

// Of this node itself: what others may hear of it is what the disk has.
struct Claim {
  Epoch config_epoch{0};
  SlotBitmap slots;
};

// The slots of the header of messages, as they were worked out last.
struct HeaderSlots {
  SlotBitmap slots;
  NodeIndex of = kNoNode;
  std::uint64_t owners_version = 0;
};

struct Saves {
  std::uint64_t begun = 0;    // the number of the last one
  std::uint64_t settled = 0;  // of the last one that was told of, written or not
  bool must_retry = false;    // in the next tick: one has failed
  // Within a second: what may be forgotten leaves the disk to the votes that follow from it.
  bool is_wanted_later = false;
  std::deque<HeldMessage> held;  // bounded by kHeldMax
  Claim claim, next_claim;       // on the disk, and on its way there
  HeaderSlots said;
  std::uint64_t of_claim = 0;  // the number of the save that has the next; 0: none
};

}  // namespace slotway::storage::cluster
