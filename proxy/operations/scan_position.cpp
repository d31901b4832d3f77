// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/scan_position.h"

#include <algorithm>
#include <array>
#include <vector>

namespace slotway::proxy {
namespace {

using Kind = ScanPosition::Kind;
using protocol::kSlotCount;

constexpr int kKindBits = 2, kSlotBits = 14, kWidthBits = 3, kPositionBits = 32;
constexpr std::array<int, 8> kShardsWidths = {12, 16, 20, 24, 28, 32, 36, 40};
constexpr std::array<int, 8> kRangeWidths = {12, 14, 16, 18, 20, 22, 25, 28};

// Takes a number apart, and puts it together, from its low bits on.
class Bits {
 public:
  explicit Bits(std::uint64_t value = 0) : value_(value) {}
  std::uint64_t Take(int bits) {
    std::uint64_t mask = bits >= 64 ? ~0ull : (1ull << bits) - 1;
    std::uint64_t taken = (value_ >> at_) & mask;
    at_ += bits;
    return taken;
  }
  void Put(std::uint64_t what, int bits) {
    value_ |= (what & ((1ull << bits) - 1)) << at_;
    at_ += bits;
  }
  int Left() const { return 64 - at_; }
  std::uint64_t Value() const { return value_; }

 private:
  std::uint64_t value_;
  int at_ = 0;
};

std::uint64_t LowBits(std::uint64_t value, int bits) { return value & ((1ull << bits) - 1); }

std::uint16_t OwnerAt(const ScanMap& map, int slot) {
  return map.owner_of_slot[static_cast<std::size_t>(slot)];
}

std::uint64_t MarkAt(const ScanMap& map, int slot) {
  std::uint16_t owner = OwnerAt(map, slot);
  return owner == ScanMap::kNoOwner ? 0 : map.mark_of_owner[owner];
}

// One behind the last slot of the run that begins at `slot`, all of one owner.
int EndOfRun(const ScanMap& map, int slot) {
  int end = slot + 1;
  while (end < kSlotCount && OwnerAt(map, end) == OwnerAt(map, slot)) ++end;
  return end;
}

// The first slot from `slot` on that somebody owns: nobody has keys of the others.
int FirstOwned(const ScanMap& map, int slot) {
  while (slot < kSlotCount && OwnerAt(map, slot) == ScanMap::kNoOwner) ++slot;
  return slot;
}

// The smallest slot of the node that comes behind the one whose smallest slot is `slot`.
int NextShard(const ScanMap& map, int slot) {
  std::vector<bool> is_seen(map.mark_of_owner.size(), false);
  for (int i = 0; i < kSlotCount; ++i) {
    std::uint16_t owner = OwnerAt(map, i);
    if (owner == ScanMap::kNoOwner || is_seen[owner]) continue;
    if (i > slot) return i;
    is_seen[owner] = true;
  }
  return kSlotCount;
}

// The smallest width that fits, or the number of widths.
std::size_t WidthFor(std::uint64_t value, const std::array<int, 8>& widths) {
  std::size_t i = 0;
  while (i < widths.size() && value >> widths[i] != 0) ++i;
  return i;
}

}  // namespace

ScanPosition RangeFrom(int slot, const ScanMap& map) {
  ScanPosition position;
  position.kind = Kind::kRange;
  position.first = FirstOwned(map, slot);
  position.end = position.IsDone() ? kSlotCount : EndOfRun(map, position.first);
  return position;
}

ScanPosition ResumeScan(std::uint64_t cursor, const ScanMap& map) {
  ScanPosition position;
  if (cursor == 0) {
    position.first = FirstOwned(map, 0);
    return position;
  }
  Bits bits(cursor);
  position.kind = static_cast<Kind>(bits.Take(kKindBits));
  position.first = static_cast<int>(bits.Take(kSlotBits));
  if (position.IsBySlot()) {
    position.server_cursor = bits.Take(kPositionBits);
    std::uint64_t mark = bits.Take(bits.Left());
    position.is_order_known = mark == LowBits(MarkAt(map, position.first), 16);
    if (!position.is_order_known) position.server_cursor = 0;
    return position;
  }
  int end = kSlotCount;
  if (position.kind == Kind::kRange) end = static_cast<int>(bits.Take(kSlotBits)) + 1;
  const auto& widths = position.kind == Kind::kRange ? kRangeWidths : kShardsWidths;
  position.server_cursor = bits.Take(widths[bits.Take(kWidthBits)]);
  int mark_bits = bits.Left();
  std::uint64_t mark = bits.Take(mark_bits);
  if (position.kind == Kind::kShards) {
    position.is_order_known = position.server_cursor != 0;
    if (mark == LowBits(map.mark, mark_bits)) return position;
    return RangeFrom(position.first, map);
  }
  // What left the node meanwhile is not covered by its scan; what came is not either.
  ScanPosition range = RangeFrom(position.first, map);
  if (range.first != position.first || mark != LowBits(MarkAt(map, range.first), mark_bits)) {
    return range;
  }
  range.server_cursor = position.server_cursor;
  range.is_order_known = range.server_cursor != 0;
  if (end > range.first && range.server_cursor != 0) range.end = std::min(range.end, end);
  return range;
}

std::uint64_t EncodeScan(const ScanPosition& position, const ScanMap& map) {
  if (position.IsDone()) return 0;
  Bits bits;
  bits.Put(static_cast<std::uint64_t>(position.kind), kKindBits);
  bits.Put(static_cast<std::uint64_t>(position.first), kSlotBits);
  if (position.IsBySlot()) {
    bits.Put(position.server_cursor, kPositionBits);
    // Another mark than the node's own means: ask it first.
    std::uint64_t mark = MarkAt(map, position.first);
    bits.Put(position.is_order_known ? mark : ~mark, bits.Left());
    return bits.Value();
  }
  if (position.kind == Kind::kRange) {
    bits.Put(static_cast<std::uint64_t>(position.end - 1), kSlotBits);
  }
  const auto& widths = position.kind == Kind::kRange ? kRangeWidths : kShardsWidths;
  std::size_t width = WidthFor(position.server_cursor, widths);
  std::uint64_t server_cursor = position.server_cursor;
  if (width == widths.size()) width = server_cursor = 0;
  bits.Put(width, kWidthBits);
  bits.Put(server_cursor, widths[width]);
  bits.Put(position.kind == Kind::kRange ? MarkAt(map, position.first) : map.mark, bits.Left());
  return bits.Value();
}

std::uint64_t ServerCursor(const ScanPosition& position) {
  auto slot = static_cast<std::uint64_t>(position.first);
  switch (position.kind) {
    case Kind::kSlotLow:
      return position.server_cursor << kSlotBits | slot;
    case Kind::kSlotHigh:
      return slot << kPositionBits | position.server_cursor;
    default:
      return position.server_cursor;
  }
}

ScanPosition WithOrder(ScanPosition position, ScanOrder order, const ScanMap& map) {
  if (order == ScanOrder::kHash && position.IsBySlot()) {
    position = RangeFrom(position.first, map);
  }
  position.is_order_known = true;
  if (order == ScanOrder::kHash) return position;
  position.kind = order == ScanOrder::kSlotLow ? Kind::kSlotLow : Kind::kSlotHigh;
  position.end = kSlotCount;
  return position;
}

bool IsCovered(const ScanPosition& position, const ScanPosition& after, int slot) {
  if (position.IsBySlot()) return slot >= position.first && slot <= after.first;
  if (position.kind == Kind::kRange) return slot >= position.first && slot < position.end;
  return true;
}

ScanPosition AfterReply(const ScanPosition& position, std::uint64_t next, const ScanMap& map) {
  ScanPosition after = position;
  if (position.IsBySlot()) {
    // The server passes over slots that it has no keys of: only those of its run are covered.
    int run_end = EndOfRun(map, position.first);
    int slot = kSlotCount;
    std::uint64_t within = 0;
    if (next != 0) {
      bool is_low = position.kind == Kind::kSlotLow;
      slot = static_cast<int>(LowBits(is_low ? next : next >> kPositionBits, kSlotBits));
      within = is_low ? next >> kSlotBits : LowBits(next, kPositionBits);
    }
    if (slot >= position.first && slot < run_end) {
      after.first = slot;
      after.server_cursor = within;
    } else {
      after.is_order_known = false;
      after.first = FirstOwned(map, run_end);
      after.server_cursor = 0;
    }
    return after;
  }
  after.server_cursor = next;
  if (next != 0) return after;
  if (position.kind == Kind::kRange) return RangeFrom(position.end, map);
  after.first = NextShard(map, position.first);
  return after;
}

}  // namespace slotway::proxy
