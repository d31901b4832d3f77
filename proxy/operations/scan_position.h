// SPDX-License-Identifier: Apache-2.0
// What a SCAN cursor of the proxy says: how far a scan over all shards has come. Pure.
//
// A cursor is one number, understood by every proxy in front of the cluster, without memory of the
// scan. It always tells a slot `first`: every slot below it is done. The rest says how far the scan
// of the slots from there on is:
//
//   kShards  node by node, in the order of their smallest slots, each node scanned whole; valid
//            while the map is the one that the scan began with (its mark is in the cursor).
//              | kind 2 | first 14 | width 3 | server cursor 12 to 40 | mark: what is left |
//   kRange   the slots first to end - 1, all of one node, are being scanned; other keys are left
//            out. A map that has changed turns kShards into this, as what is done is then only
//            known as "below first".
//              | kind 2 | first 14 | end - 1: 14 | width 3 | server cursor 12 to 28 | mark of node |
//   kSlots   for servers that keep their keys by slot: within slot `first`, at `position`.
//              | kind 2 | first 14 | width 1 | position 24 or 32 | mark of node: what is left |
//
// There are clients that hold cursors in a double, which is exact up to 2^53, and clients that read
// them as signed. So a cursor has 53 bits while the server's leaves room for a mark, and 63 else.
//
// The server's cursor means nothing to another process: where the node's mark differs, its part
// begins anew. So no change of the cluster lets a key be skipped, and each change repeats at most
// one node's part: a scan ends if changes do.
#pragma once

#include <cstdint>
#include <span>

#include "protocol/slot.h"

namespace slotway::proxy {

// Who owns the slots. `owner_of_slot` are indexes into `mark_of_owner`, or kNoOwner.
struct ScanMap {
  static constexpr std::uint16_t kNoOwner = 0xffff;
  std::span<const std::uint16_t, protocol::kSlotCount> owner_of_slot;
  std::span<const std::uint64_t> mark_of_owner;
  std::uint64_t mark = 0;  // of the whole map
};

// How a server orders its cursor: not by slots (Redis up to 7.2), by slots with the slot in the low
// 14 bits (Valkey 8, Redis 7.4), or in the bits from 32 on (slotway-shard).
enum class ScanOrder : std::uint8_t { kHash, kSlotLow, kSlotHigh };

struct ScanPosition {
  enum class Kind : std::uint8_t { kShards, kRange, kSlotLow, kSlotHigh };
  Kind kind = Kind::kShards;
  int first = 0;
  int end = protocol::kSlotCount;    // exclusive; kRange
  std::uint64_t server_cursor = 0;  // kSlot...: the position within slot `first`
  bool is_order_known = false;      // that the owner of `first` orders its keys as `kind` says

  bool IsBySlot() const { return kind == Kind::kSlotLow || kind == Kind::kSlotHigh; }
  bool IsDone() const { return first >= protocol::kSlotCount; }
  bool operator==(const ScanPosition&) const = default;
};

// Where the scan goes on, under the map as it is now. Any number is good; 0 begins.
ScanPosition ResumeScan(std::uint64_t cursor, const ScanMap& map);
// The cursor for the client: 0 if the scan is done. A server cursor that does not fit begins its
// part anew.
std::uint64_t EncodeScan(const ScanPosition& position, const ScanMap& map);

// What the server is to be asked with.
std::uint64_t ServerCursor(const ScanPosition& position);
// REQUIRES: position.server_cursor == 0. The owner of `first` turned out to order its keys so.
ScanPosition WithOrder(ScanPosition position, ScanOrder order, const ScanMap& map);
// The server answered `next`. If that is an end (of its keys, or of slots that are its own in one
// run), the position behind it; that what ended is whole is for the caller to see: EndOfCovered().
ScanPosition AfterReply(const ScanPosition& position, std::uint64_t next, const ScanMap& map);
// Whether a key of `slot` that came with that reply belongs to what it covered: others come later.
bool IsCovered(const ScanPosition& position, const ScanPosition& after, int slot);
// The first slot from `first` on that is not covered although the part that `position` began is at
// its end and AfterReply() says `after`: the first that `is_whole` refuses, of those that the node
// was to cover. kSlotCount: all are.
template <class IsWhole>
int FirstUncovered(const ScanPosition& position, const ScanPosition& after, const ScanMap& map,
                   IsWhole is_whole);
// From `slot` on, slot range by slot range: everything below is done.
ScanPosition RangeFrom(int slot, const ScanMap& map);

// ---- Implementation ----

template <class IsWhole>
int FirstUncovered(const ScanPosition& position, const ScanPosition& after, const ScanMap& map,
                   IsWhole is_whole) {
  int end = protocol::kSlotCount;
  if (position.kind == ScanPosition::Kind::kRange) end = position.end;
  if (position.IsBySlot()) end = after.first;
  std::uint16_t node = map.owner_of_slot[static_cast<std::size_t>(position.first)];
  for (int slot = position.first; slot < end; ++slot) {
    bool is_its = map.owner_of_slot[static_cast<std::size_t>(slot)] == node;
    if (is_its && !is_whole(slot)) return slot;
  }
  return protocol::kSlotCount;
}

}  // namespace slotway::proxy
