// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/scan_position.h"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

namespace slotway::proxy {
namespace {

using Kind = ScanPosition::Kind;
using protocol::kSlotCount;

constexpr int kKindBits = 2, kSlotBits = 14, kPositionBits = 32;
constexpr int kShortBits = 53, kLongBits = 63;

// How wide a server's cursor may be in a cursor of a kind; the first `shorts` of the widths make a
// short one. As many bits tell the width as there are widths.
struct Form {
  std::span<const int> widths;
  int width_bits = 0;
  std::size_t shorts = 0;
};
constexpr std::array<int, 8> kShardsWidths = {12, 16, 20, 24, 28, 32, 36, 40};
constexpr std::array<int, 8> kRangeWidths = {12, 14, 16, 18, 20, 22, 25, 28};
constexpr std::array<int, 2> kSlotWidths = {24, kPositionBits};

Form FormOf(Kind kind) {
  if (kind == Kind::kShards) return {kShardsWidths, 3, 4};
  if (kind == Kind::kRange) return {kRangeWidths, 3, 1};
  return {kSlotWidths, 1, 1};
}

int TotalBits(const Form& form, std::size_t width) {
  return width < form.shorts ? kShortBits : kLongBits;
}

// Positions of kSlotHigh have their zeros in the low bits: these go where others have theirs.
std::uint64_t Stored(Kind kind, std::uint64_t position) {
  if (kind != Kind::kSlotHigh) return position;
  return std::rotr(static_cast<std::uint32_t>(position), 8);
}

std::uint64_t Restored(Kind kind, std::uint64_t stored) {
  if (kind != Kind::kSlotHigh) return stored;
  return std::rotl(static_cast<std::uint32_t>(stored), 8);
}

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
  int LeftOf(int total) const { return total - at_; }
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
std::size_t WidthFor(std::uint64_t value, std::span<const int> widths) {
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
  int end = kSlotCount;
  if (position.kind == Kind::kRange) end = static_cast<int>(bits.Take(kSlotBits)) + 1;
  Form form = FormOf(position.kind);
  std::size_t width = bits.Take(form.width_bits);
  position.server_cursor = Restored(position.kind, bits.Take(form.widths[width]));
  int mark_bits = bits.LeftOf(TotalBits(form, width));
  std::uint64_t mark = bits.Take(mark_bits);
  if (position.IsBySlot()) {
    position.is_order_known = mark == LowBits(MarkAt(map, position.first), mark_bits);
    if (!position.is_order_known) position.server_cursor = 0;
    return position;
  }
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
  if (position.kind == Kind::kRange) {
    bits.Put(static_cast<std::uint64_t>(position.end - 1), kSlotBits);
  }
  Form form = FormOf(position.kind);
  std::uint64_t stored = Stored(position.kind, position.server_cursor);
  std::size_t width = WidthFor(stored, form.widths);
  if (width == form.widths.size()) width = stored = 0;
  bits.Put(width, form.width_bits);
  bits.Put(stored, form.widths[width]);
  std::uint64_t mark = map.mark;
  if (position.kind != Kind::kShards) mark = MarkAt(map, position.first);
  // Another mark than the node's own means: ask it first.
  if (position.IsBySlot() && !position.is_order_known) mark = ~mark;
  bits.Put(mark, bits.LeftOf(TotalBits(form, width)));
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
