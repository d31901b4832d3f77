// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/keyspace.h"

#include <algorithm>
#include <cassert>

#include "storage/engine/keyspace_impl.h"

namespace slotway::storage {
namespace {

// How many keys are prefetched together: enough to overlap the waits, few enough to stay cached.
constexpr std::size_t kPrefetchBatch = 32;

}  // namespace

Keyspace::Keyspace(RecordArena& arena, const KeyspaceOptions& options)
    : impl_(std::make_unique<Impl>(arena, options)) {}
Keyspace::~Keyspace() = default;
Keyspace::Keyspace(Keyspace&&) noexcept = default;

Keyspace::Impl::Impl(RecordArena& record_arena, const KeyspaceOptions& keyspace_options)
    : arena(record_arena),
      options(keyspace_options),
      random_state(keyspace_options.random_seed),
      table_memory{record_arena},
      wheel(record_arena) {}

Keyspace::Impl::~Impl() {
  capture = nullptr;
  if (slots) flushed.push_back({.slots = std::move(slots), .slot_count = protocol::kSlotCount});
  for (Flushed& item : flushed) FreeSomeOf(item, SIZE_MAX);
}

void Keyspace::SetExpiryListener(ExpiryListener listener) { impl_->listener = std::move(listener); }
void Keyspace::SetInsertListener(InsertListener listener) {
  impl_->insert_listener = std::move(listener);
}
void Keyspace::SetExpiryMode(ExpiryMode mode) { impl_->mode = mode; }
ExpiryMode Keyspace::expiry_mode() const { return impl_->mode; }
RecordArena& Keyspace::arena() const { return impl_->arena; }
std::uint64_t Keyspace::hash_seed() const { return impl_->options.hash_seed; }

// ---- Lookup ----

void Keyspace::Prefetch(std::span<const KeyRef> keys) const {
  const Impl& impl = *impl_;
  if (!impl.slots) return;
  std::array<std::uint64_t, kPrefetchBatch> hashes;
  std::array<std::pair<const Bucket*, std::uint16_t>, kPrefetchBatch> homes;
  while (!keys.empty()) {
    const std::size_t count = std::min(keys.size(), kPrefetchBatch);
    for (std::size_t i = 0; i < count; ++i) {
      PrefetchLine(&impl.KeysOf(keys[i].slot));
      hashes[i] = impl.Hash(keys[i].key);
    }
    for (std::size_t i = 0; i < count; ++i) {
      impl.KeysOf(keys[i].slot).table.PrefetchPath(hashes[i]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      homes[i] = impl.KeysOf(keys[i].slot).table.PrefetchHome(hashes[i]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto [bucket, tag] = homes[i];
      if (bucket == nullptr) continue;
      for (unsigned bits = bucket->Match(tag); bits != 0; bits &= bits - 1) {
        const std::byte* record = impl.arena.At(bucket->Ref(__builtin_ctz(bits)));
        PrefetchLine(record);
        PrefetchLine(record + 48);
      }
    }
    keys = keys.subspan(count);
  }
}

Entry Keyspace::Find(protocol::Slot slot, std::string_view key, std::int64_t now_ms,
                     Access access) {
  const Entry entry = impl_->LocateLive(slot, key, impl_->Hash(key), now_ms);
  impl_->PreserveObject(entry);
  if (entry && access == Access::kTouch) impl_->Touch(entry.record_, now_ms);
  return entry;
}

Entry Keyspace::Impl::Locate(protocol::Slot slot, std::string_view key, std::uint64_t hash) const {
  if (!slots) return {};
  const Spot spot = KeysOf(slot).table.Find(
      hash, [&](ArenaRef ref) { return Record(arena.At(ref)).Key() == key; });
  return spot ? EntryAt(slot, spot) : Entry();
}

Entry Keyspace::Impl::LocateLive(protocol::Slot slot, std::string_view key, std::uint64_t hash,
                                 std::int64_t now_ms) {
  const Entry entry = Locate(slot, key, hash);
  if (!entry || !IsHidden(entry.record_, now_ms)) return entry;
  if (mode == ExpiryMode::kDelete) Expire(entry, hash);
  return {};
}

void Keyspace::Impl::Touch(Record record, std::int64_t now_ms) {
  const std::uint32_t before = record.access();
  std::uint32_t after = LruNow(now_ms);
  if (options.access.clock == AccessClock::kLfu) {
    const std::uint32_t counter = LfuCounter(before, now_ms, options.access.lfu_decay_minutes);
    const auto random = static_cast<std::uint32_t>(NextRandom() >> 32);
    after = LfuPack(LfuTouched(counter, random, options.access.lfu_log_factor), now_ms);
  }
  if (after != before) record.set_access(after);
}

// ---- Deletion ----

bool Keyspace::Delete(protocol::Slot slot, std::string_view key, std::int64_t now_ms) {
  const std::uint64_t hash = impl_->Hash(key);
  const Entry entry = impl_->LocateLive(slot, key, hash, now_ms);
  if (!entry) return false;
  impl_->Remove(entry, hash);
  return true;
}

void Keyspace::Delete(const Entry& entry) { impl_->Remove(entry, impl_->Hash(entry.key())); }

void Keyspace::Impl::Remove(const Entry& entry, std::uint64_t hash, Shrinking shrinking) {
  Preserve(entry);
  const Record record = entry.record_;
  const std::size_t bytes = arena.UsableBytes(record.address()) + ObjectBytes(record);
  KeysOf(entry.slot_)
      .table.Erase(table_memory, hash, {entry.bucket_, entry.index_}, HashOf(), shrinking);
  AddToSlot(entry.slot_, -1, -static_cast<std::ptrdiff_t>(bytes));
  FreeRecord(record, true);
}

void Keyspace::Impl::Expire(const Entry& entry, std::uint64_t hash, Shrinking shrinking) {
  if (listener) listener(entry.slot_, entry.key());
  Remove(entry, hash, shrinking);
}

void Keyspace::Impl::AddToSlot(protocol::Slot slot, std::ptrdiff_t keys, std::ptrdiff_t bytes) {
  KeysOf(slot).bytes += static_cast<std::size_t>(bytes);
  size += static_cast<std::size_t>(keys);
  size_of_group[static_cast<std::size_t>(protocol::ToInt(slot) / kGroupSlots)] +=
      static_cast<std::uint32_t>(keys);
}

// `counted` says whether the record is in the counts by type and expiry.
void Keyspace::Impl::FreeRecord(Record record, bool counted) {
  if (counted) {
    --size_of_type[static_cast<std::size_t>(record.type())];
    BytesOf(record.type()) -= arena.UsableBytes(record.address()) + ObjectBytes(record);
    if (record.ExpireAtMs()) --with_expiry;
  }
  if (LayoutOf(record.encoding()) == ValueLayout::kObject) {
    Discard(std::unique_ptr<ValueObject>(record.Object()));
  }
  record_bytes -= arena.UsableBytes(record.address());
  arena.Free(record.address());
}

// ---- Counters ----

std::size_t Keyspace::Size() const { return impl_->size; }
std::size_t Keyspace::SizeOfSlot(protocol::Slot slot) const {
  return impl_->slots ? impl_->KeysOf(slot).table.size() : 0;
}
std::size_t Keyspace::BytesOfSlot(protocol::Slot slot) const {
  return impl_->slots ? impl_->KeysOf(slot).bytes : 0;
}
std::size_t Keyspace::SizeOfType(ValueType type) const {
  return impl_->size_of_type[static_cast<std::size_t>(type)];
}
std::size_t Keyspace::BytesOfType(ValueType type) const { return impl_->BytesOf(type); }
std::size_t Keyspace::SizeWithExpiry() const { return impl_->with_expiry; }

KeyspaceMemory Keyspace::Memory() const {
  const std::size_t slot_bytes = impl_->slots ? protocol::kSlotCount * sizeof(Impl::SlotKeys) : 0;
  return {.record_bytes = impl_->record_bytes,
          .object_bytes = impl_->object_bytes,
          .index_bytes = impl_->table_memory.index_bytes + slot_bytes,
          .expiry_bytes = impl_->wheel.memory_bytes()};
}

std::size_t Keyspace::BytesOfEntry(const Entry& entry) const {
  return impl_->arena.UsableBytes(entry.record_.address()) + Impl::ObjectBytes(entry.record_) +
         impl_->table_memory.index_bytes / std::max<std::size_t>(impl_->size, 1);
}

// ---- Access clock ----

void Keyspace::SetAccessRules(const AccessRules& rules) { impl_->options.access = rules; }

void Keyspace::KeepAccess(bool keeps) { impl_->keeps_access = keeps; }

std::int64_t Keyspace::IdleSeconds(const Entry& entry, std::int64_t now_ms) const {
  const std::uint32_t access = entry.record_.access();
  const bool is_lru = impl_->options.access.clock == AccessClock::kLru;
  return is_lru ? LruIdleTenths(access, now_ms) / 10 : LfuIdle(access, now_ms) * 60 / 256;
}

int Keyspace::Frequency(const Entry& entry, std::int64_t now_ms) const {
  assert(impl_->options.access.clock == AccessClock::kLfu);
  return static_cast<int>(
      LfuCounter(entry.record_.access(), now_ms, impl_->options.access.lfu_decay_minutes));
}

void Keyspace::SetIdleSeconds(const Entry& entry, std::int64_t seconds, std::int64_t now_ms) {
  Record record = entry.record_;
  record.set_access(
      LruNow(now_ms - std::clamp<std::int64_t>(seconds, 0, kLruIdleSecondsMax) * 1000));
}

void Keyspace::SetFrequency(const Entry& entry, int frequency, std::int64_t now_ms) {
  Record record = entry.record_;
  record.set_access(LfuPack(static_cast<std::uint32_t>(std::clamp(frequency, 0, 255)), now_ms));
}

std::uint32_t Keyspace::AccessBits(const Entry& entry, std::int64_t now_ms) const {
  const std::uint32_t access = entry.record_.access();
  if (impl_->options.access.clock == AccessClock::kLfu) return access >> 16 << 8 | (access & 0xff);
  return static_cast<std::uint32_t>(now_ms / 1000 - IdleSeconds(entry, now_ms)) & 0xffffff;
}

}  // namespace slotway::storage
