// SPDX-License-Identifier: Apache-2.0
// One database: every key it holds, by slot, with expiry, SCAN, access clocks and exact accounting.
//
// Engine thread only; no locks. Clock and randomness come from the caller. Several keyspaces may
// share one RecordArena. Views and Entries stay valid until the next call that changes the keyspace
// (see entry.h); Find may change it, since a due key is deleted on access.
// The caller passes the slot of each key; the keyspace never hashes to slots itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/slot.h"
#include "storage/engine/access_clock.h"
#include "storage/engine/entry.h"
#include "storage/engine/entry_capture.h"
#include "storage/engine/eviction.h"

namespace slotway::storage {

struct KeyRef {
  protocol::Slot slot;
  std::string_view key;
};

// What a write does to the time to live of the key it replaces.
class TtlChange {
 public:
  static constexpr TtlChange Clear() { return TtlChange(Kind::kClear, 0); }
  static constexpr TtlChange Keep() { return TtlChange(Kind::kKeep, 0); }
  static constexpr TtlChange At(std::int64_t unix_ms) { return TtlChange(Kind::kSet, unix_ms); }

 private:
  friend class Keyspace;
  enum class Kind : std::uint8_t { kClear, kKeep, kSet };
  constexpr TtlChange(Kind kind, std::int64_t at_ms) : at_ms_(at_ms), kind_(kind) {}
  std::int64_t at_ms_;
  Kind kind_;
};

// What happens to a key whose time has come.
enum class ExpiryMode : std::uint8_t {
  kDelete,  // a master: gone on access and by ExpireDue, the listener is told
  kHide,    // a replica serving clients: absent, but kept until the master deletes it
  kIgnore,  // a replica applying its master's stream, or loading: present
};

// What a lookup does to the access clock of the record.
enum class Access : std::uint8_t { kTouch, kPeek };

struct KeyspaceOptions {
  std::uint64_t hash_seed = 0;    // from a random source: protects against chosen collisions
  std::uint64_t random_seed = 0;  // RandomEntry, samples and the LFU counter
  AccessRules access = {};
};

struct KeyspaceMemory {
  std::size_t record_bytes = 0;  // allocations of records, rounding included
  std::size_t object_bytes = 0;  // objects of large values, those yet to be freed included
  std::size_t index_bytes = 0;   // buckets, segment lists, directories, slot headers
  std::size_t expiry_bytes = 0;  // wheel tokens
  std::size_t Total() const { return record_bytes + object_bytes + index_bytes + expiry_bytes; }
};

class Keyspace {
 public:
  // Told of each key deleted because its time had come, on access or by ExpireDue, just before it
  // goes: `key` is readable during the call. The listener must not use this keyspace.
  using ExpiryListener = std::function<void(protocol::Slot slot, std::string_view key)>;

  // Told of each key that came to be.
  using InsertListener = std::function<void(protocol::Slot slot, std::string_view key)>;

  // `arena` must outlive the keyspace.
  Keyspace(RecordArena& arena, const KeyspaceOptions& options);
  ~Keyspace();
  Keyspace(Keyspace&&) noexcept;
  Keyspace& operator=(Keyspace&&) = delete;

  RecordArena& arena() const;  // what objects of large values are made with
  std::uint64_t hash_seed() const;
  void SetExpiryListener(ExpiryListener listener);
  void SetInsertListener(InsertListener listener);
  void SetExpiryMode(ExpiryMode mode);
  ExpiryMode expiry_mode() const;

  // ---- Lookup ----

  // Brings the buckets, then the records, of a whole batch into the cache. Changes nothing.
  void Prefetch(std::span<const KeyRef> keys) const;

  // Empty when there is none or its time has come.
  Entry Find(protocol::Slot slot, std::string_view key, std::int64_t now_ms,
             Access access = Access::kTouch);
  bool Exists(protocol::Slot slot, std::string_view key, std::int64_t now_ms) {
    return static_cast<bool>(Find(slot, key, now_ms, Access::kPeek));
  }

  // ---- Strings ----

  // Values given to the calls below must not point into the entry that they change.
  // Inserts or overwrites; a number's canonical text is stored as one.
  Entry SetString(protocol::Slot slot, std::string_view key, std::string_view value, TtlChange ttl,
                  std::int64_t now_ms);
  Entry SetNumber(protocol::Slot slot, std::string_view key, std::int64_t value, TtlChange ttl,
                  std::int64_t now_ms);
  // The same for `length` bytes that `fill` writes, to save a copy of long ones. All views taken
  // before are still good when it is called; it must not use this keyspace.
  using FillBytes = std::function<void(std::span<char>)>;
  Entry SetFilledString(protocol::Slot slot, std::string_view key, std::size_t length,
                        const FillBytes& fill, TtlChange ttl, std::int64_t now_ms);
  // In place; the TTL stays.
  Entry ReplaceString(const Entry& entry, std::string_view value);
  Entry ReplaceNumber(const Entry& entry, std::int64_t value);
  // Makes it raw and `length` long, with zero bytes behind what there was, and room to grow.
  Entry ResizeString(const Entry& entry, std::size_t length);
  Entry AppendString(const Entry& entry, std::string_view suffix);
  // To be changed in place. REQUIRES: the encoding keeps bytes; of strings kRaw.
  std::span<char> MutableBytes(const Entry& entry);

  // ---- Values of the other types ----

  // Inserts or overwrites with bytes kept in the record.
  Entry SetBytes(protocol::Slot slot, std::string_view key, ValueType type, Encoding encoding,
                 std::string_view bytes, TtlChange ttl, std::int64_t now_ms);
  // The same with a heap object, which the keyspace then owns.
  Entry SetObject(protocol::Slot slot, std::string_view key, ValueType type, Encoding encoding,
                  std::unique_ptr<ValueObject> object, TtlChange ttl, std::int64_t now_ms);
  // The same in place; type and TTL stay, the encoding may change.
  Entry ReplaceBytes(const Entry& entry, Encoding encoding, std::string_view bytes);
  // Replaces a part of the bytes, in their place if they fit there; the encoding stays, too.
  Entry SpliceBytes(const Entry& entry, std::size_t at, std::size_t erased_bytes,
                    std::string_view inserted);
  Entry ReplaceObject(const Entry& entry, Encoding encoding, std::unique_ptr<ValueObject> object);
  // After an object changed, with its MemoryBytes() before.
  void ObjectChanged(const Entry& entry, std::size_t bytes_before);

  // ---- Keys ----

  bool Delete(protocol::Slot slot, std::string_view key, std::int64_t now_ms);
  void Delete(const Entry& entry);
  // Moves value and TTL to another name, overwriting it. False: `from` is absent.
  bool Rename(KeyRef from, KeyRef to, std::int64_t now_ms);

  // ---- Expiry ----
  // A time that has passed is stored too. Times are clamped to 0 and 2^48 - 2 (the year 10889).
  Entry SetExpiry(const Entry& entry, std::int64_t at_ms);
  bool ClearExpiry(const Entry& entry);  // false when it had none

  struct ExpireProgress {
    std::size_t expired = 0;
    bool more = false;  // the budget ended before the work
  };
  // Looks at about `max_tokens` (0.2 us each); to be called every 10 to 50 ms, and while `more`.
  ExpireProgress ExpireDue(std::int64_t now_ms, std::size_t max_tokens);

  // ---- Walking ----

  using EntryCallback = std::function<void(const Entry&)>;

  // Visits about `count` entries from `cursor` (0 begins) and returns the next cursor, 0 at the
  // end. Every entry present from the first call to the last is visited at least once, whatever was
  // inserted, deleted, grown or shrunk between the calls. Due keys are skipped, not deleted. The
  // callback must not change the keyspace. Cursors fit in 46 bits.
  std::uint64_t Scan(std::uint64_t cursor, std::size_t count, std::int64_t now_ms,
                     const EntryCallback& callback) const;
  std::uint64_t ScanSlot(protocol::Slot slot, std::uint64_t cursor, std::size_t count,
                         std::int64_t now_ms, const EntryCallback& callback) const;
  // Up to `max_keys` entries, due ones included (GETKEYSINSLOT).
  void ForEachInSlot(protocol::Slot slot, std::size_t max_keys, const EntryCallback& visit) const;
  // As Scan; moves what is on sparse pages.
  std::uint64_t MoveOffSparsePages(std::uint64_t cursor, std::size_t count);
  // With nearly equal chances; deletes the due ones it meets. Empty when there is none.
  Entry RandomEntry(std::int64_t now_ms);

  // ---- Slots whose keys are not there for clients: see server/hidden_slots.h ----

  // Scan, RandomEntry and VisibleSize() pass them over; what is due in them stays.
  void HideSlot(protocol::Slot slot, bool is_hidden);
  bool IsSlotHidden(protocol::Slot slot) const;
  std::vector<protocol::Slot> HiddenSlots() const;
  std::size_t VisibleSize() const;
  // ---- Making room: see eviction.h ----

  // As Scan, due keys included.
  std::uint64_t SampleFrom(std::uint64_t cursor, std::size_t count, const EntryCallback& visit);
  // About `count` keys that have a TTL; at least one if there is one.
  void SampleVolatile(std::size_t count, const EntryCallback& visit);
  std::uint64_t EvictionRank(const Entry& entry, EvictionOrder order, std::int64_t now_ms) const;
  KeyMark MarkOf(const Entry& entry) const;
  Entry FindMarked(const KeyMark& mark) const;
  bool DeleteIfDue(const Entry& entry, std::int64_t now_ms);

  // ---- Snapshots: see entry_capture.h ----

  void BeginCapture(EntryCapture& capture);
  // Hands out about `max_entries` more; false at the end.
  bool CaptureSome(std::size_t max_entries);

  // ---- Flush ----

  // The keys are gone at once; FreeFlushed frees their memory, and that of large values (of more
  // than 64 elements) that were deleted, overwritten or expired.
  void FlushAll();
  void FlushSlot(protocol::Slot slot);
  // Frees about `max_entries` entries and elements (50 ns each); true while there are more.
  bool FreeFlushed(std::size_t max_entries);
  // Large values set aside, and the keys of flushed tables.
  std::size_t PendingFrees() const;
  std::size_t TakeFreedCount();  // of either, since the last call
  std::size_t DiscardedCount() const;
  // Frees the large values beyond the first `count` that wait, at once.
  void FreeDiscardedBeyond(std::size_t count);

  // ---- Counters, all O(1) ----

  std::size_t Size() const;  // due keys not yet deleted included
  std::size_t SizeOfSlot(protocol::Slot slot) const;
  std::size_t BytesOfSlot(protocol::Slot slot) const;  // records and objects
  std::size_t SizeOfType(ValueType type) const;
  std::size_t BytesOfType(ValueType type) const;  // as BytesOfSlot
  std::size_t SizeWithExpiry() const;
  KeyspaceMemory Memory() const;
  // Bytes of one entry: its record, its object and its share of the index (MEMORY USAGE).
  std::size_t BytesOfEntry(const Entry& entry) const;

  // ---- Access clock ----

  void SetAccessRules(const AccessRules& rules);
  void KeepAccess(bool keeps);  // while true, what overwrites a key leaves its clock alone
  std::int64_t IdleSeconds(const Entry& entry, std::int64_t now_ms) const;
  // Logarithmic, 0 to 255, decayed to now. REQUIRES: the clock is kLfu.
  int Frequency(const Entry& entry, std::int64_t now_ms) const;
  void SetIdleSeconds(const Entry& entry, std::int64_t seconds, std::int64_t now_ms);
  void SetFrequency(const Entry& entry, int frequency, std::int64_t now_ms);
  // The 24 bits that Redis would keep.
  std::uint32_t AccessBits(const Entry& entry, std::int64_t now_ms) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slotway::storage
