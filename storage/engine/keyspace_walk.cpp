// SPDX-License-Identifier: Apache-2.0
// Walks: SCAN, the keys of a slot, random keys.
#include <algorithm>
#include <cstring>

#include "storage/engine/keyspace_impl.h"
#include "storage/engine/keyspace_visit.h"
#include "storage/memory/elastic_table_draws.h"

namespace slotway::storage {

std::uint64_t Keyspace::Scan(std::uint64_t cursor, std::size_t count, std::int64_t now_ms,
                             const EntryCallback& callback) const {
  const Impl& impl = *impl_;
  return impl.Walk(cursor, count, [&](protocol::Slot slot, Spot spot) {
    const Entry entry = impl.EntryAt(slot, spot);
    if (!impl.IsSlotHidden(slot) && !impl.IsHidden(entry.record_, now_ms)) callback(entry);
  });
}

void Keyspace::HideSlot(protocol::Slot slot, bool is_hidden) {
  impl_->hidden.set(static_cast<std::size_t>(protocol::ToInt(slot)), is_hidden);
}

bool Keyspace::IsSlotHidden(protocol::Slot slot) const { return impl_->IsSlotHidden(slot); }

std::vector<protocol::Slot> Keyspace::HiddenSlots() const {
  std::vector<protocol::Slot> slots;
  if (impl_->hidden.none()) return slots;
  for (std::size_t i = 0; i < protocol::kSlotCount; ++i) {
    if (impl_->hidden.test(i)) slots.push_back(protocol::Slot(i));
  }
  return slots;
}

std::size_t Keyspace::VisibleSize() const {
  std::size_t size = impl_->size;
  for (const protocol::Slot slot : HiddenSlots()) size -= SizeOfSlot(slot);
  return size;
}

std::uint64_t Keyspace::ScanSlot(protocol::Slot slot, std::uint64_t cursor, std::size_t count,
                                 std::int64_t now_ms, const EntryCallback& callback) const {
  const Impl& impl = *impl_;
  if (!impl.slots) return 0;
  const ElasticTable& table = impl.KeysOf(slot).table;
  std::uint64_t position = cursor;
  std::size_t visited = 0;
  while (table.size() > 0 && position < ElasticTable::kPositionEnd) {
    if (visited >= count) return position;
    position = table.VisitFrom(position, [&](Spot spot) {
      ++visited;
      const Entry entry = impl.EntryAt(slot, spot);
      if (!impl.IsHidden(entry.record_, now_ms)) callback(entry);
    });
  }
  return 0;
}

void Keyspace::ForEachInSlot(protocol::Slot slot, std::size_t max_keys,
                             const EntryCallback& callback) const {
  const Impl& impl = *impl_;
  if (!impl.slots) return;
  const ElasticTable& table = impl.KeysOf(slot).table;
  std::uint64_t position = 0;
  std::size_t left = std::min(max_keys, table.size());
  while (left > 0 && position < ElasticTable::kPositionEnd) {
    position = table.VisitFrom(position, [&](Spot spot) {
      if (left == 0) return;
      --left;
      callback(impl.EntryAt(slot, spot));
    });
  }
}

// Nothing but the reference changes: Entries, which hold addresses, are invalid afterwards.
std::uint64_t Keyspace::MoveOffSparsePages(std::uint64_t cursor, std::size_t count) {
  Impl& impl = *impl_;
  return impl.Walk(cursor, count, [&](protocol::Slot, Spot spot) {
    std::byte* const old = impl.arena.At(spot.ref());
    if (!impl.arena.IsOnSparsePage(old)) return;
    const std::size_t bytes = impl.arena.UsableBytes(old);
    std::byte* const moved = impl.arena.Allocate(bytes);
    std::memcpy(moved, old, bytes);
    spot.bucket->SetRef(spot.index, impl.arena.RefOf(moved));
    impl.arena.Free(old);
  });
}

// The slot is chosen by its number of keys, the key evenly among them.
Entry Keyspace::RandomEntry(std::int64_t now_ms) {
  Impl& impl = *impl_;
  // A keyspace that may not delete can be full of due keys, and another one of hidden ones.
  constexpr int kTriesMax = 100;
  for (int tries = 0; tries < kTriesMax && impl.size > 0; ++tries) {
    std::uint64_t nth = impl.NextRandom() % impl.size;
    std::size_t group = 0;
    while (nth >= impl.size_of_group[group]) nth -= impl.size_of_group[group++];
    std::size_t slot = group * Impl::kGroupSlots;
    while (nth >= impl.slots[slot].table.size()) nth -= impl.slots[slot++].table.size();
    if (impl.hidden.test(slot)) continue;
    const Spot spot = impl.slots[slot].table.RandomSpot([&] { return impl.NextRandom(); });
    const Entry entry = impl.EntryAt(static_cast<protocol::Slot>(slot), spot);
    if (!impl.IsHidden(entry.record_, now_ms)) return entry;
    if (impl.mode == ExpiryMode::kDelete) impl.Expire(entry, impl.Hash(entry.key()));
  }
  if (impl.hidden.none() || VisibleSize() == 0) return {};
  Entry first;
  for (std::uint64_t cursor = Scan(0, 1, now_ms, [&](const Entry& entry) { first = entry; });
       !first && cursor != 0;) {
    cursor = Scan(cursor, 1, now_ms, [&](const Entry& entry) { first = entry; });
  }
  return first;
}

// SplitMix64: a counter through a bijective mixer.
std::uint64_t Keyspace::Impl::NextRandom() {
  std::uint64_t mixed = random_state += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return mixed ^ mixed >> 31;
}

}  // namespace slotway::storage
