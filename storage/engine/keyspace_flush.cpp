// SPDX-License-Identifier: Apache-2.0
// Flushed tables and discarded large values: set aside at once, freed piece by piece.
#include <algorithm>
#include <memory>
#include <utility>

#include "storage/engine/keyspace_impl.h"

namespace slotway::storage {
namespace {

// An object with no more elements than this is deleted at once.
constexpr std::size_t kFreedAtOnceMax = 64;

}  // namespace

void Keyspace::FlushAll() {
  Impl& impl = *impl_;
  impl.wheel.Clear();
  if (impl.size == 0 && impl.flushed.empty()) return;
  impl.flushed_keys += impl.size;
  impl.size = impl.with_expiry = 0;
  impl.size_of_type.fill(0);
  impl.bytes_of_type.fill(0);
  impl.size_of_group.fill(0);
  for (Impl::Flushed& item : impl.flushed) item.counted = false;
  impl.flushed.push_back({.slots = std::move(impl.slots),
                          .slot_count = protocol::kSlotCount,
                          .counted = false,
                          .to_capture = impl.capture != nullptr});
  // The next key would need it anyway: so what an empty keyspace takes does not depend on its past.
  impl.slots = Impl::MakeSlots(protocol::kSlotCount);
  impl.expired_unshrunk = impl.shrink_slot = impl.shrink_part = 0;
}

void Keyspace::FlushSlot(protocol::Slot slot) {
  Impl& impl = *impl_;
  if (SizeOfSlot(slot) == 0) return;
  Impl::SlotKeys& keys = impl.KeysOf(slot);
  impl.flushed_keys += keys.table.size();
  impl.AddToSlot(slot, -static_cast<std::ptrdiff_t>(keys.table.size()),
                 -static_cast<std::ptrdiff_t>(keys.bytes));
  auto aside = Impl::MakeSlots(1);
  std::swap(aside[0].table, keys.table);
  impl.flushed.push_back({.slots = std::move(aside),
                          .slot_count = 1,
                          .counted = true,
                          .to_capture = impl.capture != nullptr});
}

bool Keyspace::FreeFlushed(std::size_t max_entries) {
  Impl& impl = *impl_;
  while (!impl.discarded.empty() && max_entries > 0) {
    ValueObject& object = *impl.discarded.front();
    const std::size_t bytes_before = object.MemoryBytes();
    const std::size_t freed = object.FreeSome(max_entries);
    impl.object_bytes -= bytes_before;
    if (freed == 0) {
      impl.discarded.pop_front();
      ++impl.freed_count;
    } else {
      impl.object_bytes += object.MemoryBytes();
      max_entries -= std::min(max_entries, freed);
    }
  }
  while (!impl.flushed.empty() && max_entries > 0) {
    Impl::Flushed& item = impl.flushed.front();
    max_entries -= impl.FreeSomeOf(item, max_entries);
    if (item.next_slot == item.slot_count) impl.flushed.pop_front();
  }
  return !impl.flushed.empty() || !impl.discarded.empty();
}

std::size_t Keyspace::PendingFrees() const { return impl_->flushed_keys + impl_->discarded.size(); }

std::size_t Keyspace::TakeFreedCount() { return std::exchange(impl_->freed_count, 0); }

std::size_t Keyspace::DiscardedCount() const { return impl_->discarded.size(); }

void Keyspace::FreeDiscardedBeyond(std::size_t count) {
  Impl& impl = *impl_;
  while (impl.discarded.size() > count) {
    impl.object_bytes -= impl.discarded.back()->MemoryBytes();
    impl.discarded.pop_back();
  }
}

void Keyspace::Impl::Discard(std::unique_ptr<ValueObject> object) {
  if (object->ElementCount() > kFreedAtOnceMax) {
    discarded.push_back(std::move(object));
  } else {
    object_bytes -= object->MemoryBytes();
  }
}

// The tables stay as they are until all their records are gone: only then is the position of the
// walk good to go on from.
std::size_t Keyspace::Impl::FreeSomeOf(Flushed& item, std::size_t max_work) {
  std::size_t work = 0;
  while (item.next_slot < item.slot_count && work < max_work) {
    ElasticTable& table = item.slots[static_cast<std::size_t>(item.next_slot)].table;
    if (table.size() > 0) {
      item.position = table.VisitFrom(item.position, [&](Spot spot) {
        const Record record(arena.At(spot.ref()));
        if (item.to_capture) Preserve(EntryAt(static_cast<protocol::Slot>(item.next_slot), spot));
        ++work;
        --flushed_keys;
        ++freed_count;
        FreeRecord(record, item.counted);
      });
    }
    if (table.size() == 0 || item.position == ElasticTable::kPositionEnd) {
      table.Clear(table_memory);
      item.position = 0;
      ++item.next_slot;
    }
  }
  return std::min(work, max_work);
}

}  // namespace slotway::storage
