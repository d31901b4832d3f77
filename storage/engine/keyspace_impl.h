// SPDX-License-Identifier: Apache-2.0
// The inside of Keyspace, shared by its source files only.
//
// Invariants: each key is in the table of its slot once; the counters equal what a walk would
// count; a record with a TTL has a token in the wheel at its remembered place, no later than its
// time. Lookup and deletion are in keyspace.cpp, values in keyspace_values.cpp, time in
// keyspace_expiry.cpp, walks in keyspace_walk.cpp, flushing in keyspace_flush.cpp, samples in
// keyspace_eviction.cpp, snapshots in keyspace_capture.cpp.
#pragma once

#include <array>
#include <bitset>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/engine/access_clock.h"
#include "storage/engine/expiry_wheel.h"
#include "storage/engine/keyspace.h"
#include "storage/memory/elastic_table.h"
#include "storage/memory/key_hash.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {

class Keyspace::Impl {
 public:
  struct SlotKeys {  // the keys of one slot
    ElasticTable table;
    std::size_t bytes = 0;
  };
  // Without the count that new[] adds: 512 KiB and a few bytes take 640 KiB of the allocator.
  struct FreeSlots {
    std::size_t count;
    FreeSlots() : count(0) {}
    explicit FreeSlots(std::size_t slot_count) : count(slot_count) {}
    void operator()(SlotKeys* first) const {
      std::destroy_n(first, count);
      ::operator delete(first);
    }
  };
  using SlotArray = std::unique_ptr<SlotKeys[], FreeSlots>;
  static SlotArray MakeSlots(std::size_t count) {
    auto* first = static_cast<SlotKeys*>(::operator new(count * sizeof(SlotKeys)));
    std::uninitialized_value_construct_n(first, count);
    return SlotArray(first, FreeSlots(count));
  }
  // What becomes of tables that were flushed, until they are freed.
  struct Flushed {
    SlotArray slots;  // one or kSlotCount
    int slot_count = 0;
    int next_slot = 0;
    std::uint64_t position = 0;
    bool counted = false;     // its keys are still in the counts by type and expiry
    bool to_capture = false;  // flushed during a capture
  };
  struct TokenRecord {
    Spot spot;  // until the table changes
    ArenaRef ref;
    std::uint64_t hash;
  };
  // How a key's value is to be stored.
  struct NewValue {
    ValueType type;
    Encoding encoding;
    std::string_view bytes = {};      // kBytes
    std::int64_t number = 0;          // kNumber
    ValueObject* object = nullptr;    // kObject
    const FillBytes* fill = nullptr;  // kBytes: writes them, `filled_bytes` of them
    std::size_t filled_bytes = 0;

    static NewValue Text(std::string_view text) {
      const bool is_short = text.size() <= kEmbstrMaxBytes;
      return {.type = ValueType::kString,
              .encoding = is_short ? Encoding::kEmbstr : Encoding::kRaw,
              .bytes = text};
    }
    static NewValue Number(std::int64_t number) {
      return {.type = ValueType::kString, .encoding = Encoding::kInt, .number = number};
    }
    Record::Shape ShapeFor(std::size_t key_bytes, bool has_expiry_word) const;
    // REQUIRES: the record has the shape. `bytes` may overlap it.
    void WriteTo(Record record) const;
  };

  Impl(RecordArena& record_arena, const KeyspaceOptions& keyspace_options);
  ~Impl();

  std::uint64_t Hash(std::string_view key) const { return KeyHash(options.hash_seed, key); }
  auto HashOf() const {
    return [this](ArenaRef ref) { return Hash(Record(arena.At(ref)).Key()); };
  }
  SlotKeys& KeysOf(protocol::Slot slot) const {
    return slots[static_cast<std::size_t>(protocol::ToInt(slot))];
  }
  Entry EntryAt(protocol::Slot slot, Spot spot) const {
    return {slot, spot.bucket, spot.index, Record(arena.At(spot.ref()))};
  }

  // keyspace.cpp
  Entry Locate(protocol::Slot slot, std::string_view key, std::uint64_t hash) const;
  // Locate, and what the expiry mode asks for when the key is due.
  Entry LocateLive(protocol::Slot slot, std::string_view key, std::uint64_t hash,
                   std::int64_t now_ms);
  void Touch(Record record, std::int64_t now_ms);
  void Remove(const Entry& entry, std::uint64_t hash, Shrinking shrinking = Shrinking::kAtOnce);
  void Expire(const Entry& entry, std::uint64_t hash, Shrinking shrinking = Shrinking::kAtOnce);
  void AddToSlot(protocol::Slot slot, std::ptrdiff_t keys, std::ptrdiff_t bytes);
  void FreeRecord(Record record, bool counted);

  std::size_t& BytesOf(ValueType type) { return bytes_of_type[static_cast<std::size_t>(type)]; }
  static std::size_t ObjectBytes(Record record) {
    const bool is_object = LayoutOf(record.encoding()) == ValueLayout::kObject;
    return is_object ? record.Object()->MemoryBytes() : 0;
  }

  // keyspace_flush.cpp
  // Deletes the object, or sets a large one aside for FreeFlushed.
  void Discard(std::unique_ptr<ValueObject> object);
  // Frees records of `item` until about `max_work` is done; returns the work, at most that.
  std::size_t FreeSomeOf(Flushed& item, std::size_t max_work);

  // keyspace_values.cpp
  // Inserts or overwrites.
  Entry Store(protocol::Slot slot, std::string_view key, const NewValue& value, TtlChange ttl,
              std::int64_t now_ms);
  Entry Insert(protocol::Slot slot, std::string_view key, std::uint64_t hash, const NewValue& value,
               bool with_expiry_word, std::uint32_t access);
  // Writes another value over the entry's, in its memory when that fits. An expiry word stays as it
  // is while there is one before and after. The old object is discarded.
  Entry Overwrite(const Entry& entry, const NewValue& value, bool with_expiry_word);
  // The entry in a new record of at least `bytes`: same key, access bytes and expiry word (as far
  // as the shape has one); the value is left to the caller, and so is freeing the old record.
  Record CopyFrame(Record old, const Record::Shape& shape, std::size_t bytes);
  // Puts `record` in the place of the entry's, which is freed (its object is not).
  // REQUIRES: both have one type.
  Entry Swap(const Entry& entry, Record record);
  // The same, and the bytes by type are left to the caller.
  Entry SwapRecord(const Entry& entry, Record record);
  Entry AddRecord(protocol::Slot slot, std::uint64_t hash, Record record);

  // keyspace_capture.cpp
  // To be called before whatever changes what a record says, or frees it.
  void Preserve(const Entry& entry) {
    if (capture != nullptr) [[unlikely]]
      CaptureNow(entry);
  }
  // The same when it was found: objects are changed behind our back.
  void PreserveObject(const Entry& entry) {
    if (capture == nullptr) [[likely]]
      return;
    if (entry && LayoutOf(entry.encoding()) == ValueLayout::kObject) CaptureNow(entry);
  }
  void CaptureNow(const Entry& entry);
  bool HoldsFlushedToCapture() const;

  // keyspace_expiry.cpp
  static ExpiryWheel::Token TokenOf(protocol::Slot slot, std::uint64_t hash) {
    return static_cast<ExpiryWheel::Token>(protocol::ToInt(slot)) << kTokenHashBits |
           static_cast<ExpiryWheel::Token>(hash >> (64 - kTokenHashBits));
  }
  static protocol::Slot SlotOf(ExpiryWheel::Token token) {
    return static_cast<protocol::Slot>(token >> kTokenHashBits);
  }
  Entry SetDeadline(const Entry& entry, std::int64_t at_ms);
  // The records whose token is `token`, waiting at `place`, into token_records.
  void CollectTokenRecords(ExpiryWheel::Token token, std::uint16_t place);
  // What the wheel asks of its owner.
  std::size_t FireToken(ExpiryWheel::Token token, std::uint16_t place);
  bool KeepToken(ExpiryWheel::Token token, std::uint16_t place);
  // A round over all tables that expiry has left too large, in steps; true at its end.
  bool ShrinkTables(std::size_t max_work);
  bool IsShrinking() const { return shrink_slot != 0 || shrink_part != 0; }
  void PrefetchTokens(std::span<const ExpiryWheel::Token> tokens) const;

  // keyspace_eviction.cpp
  std::size_t VisitVolatile(ExpiryWheel::Token token, const EntryCallback& visit) const;

  // keyspace_walk.cpp
  std::uint64_t NextRandom();
  // visit(slot, Spot) for about `count` entries from a SCAN cursor; returns the next one.
  template <class VisitFn>
  std::uint64_t Walk(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const;
  bool IsHidden(Record record, std::int64_t now_ms) const {
    return mode != ExpiryMode::kIgnore && record.IsDue(now_ms);
  }

  // visit(Spot) for every entry that a token may mean, and maybe for some others.
  template <class VisitFn>
  void VisitToken(ExpiryWheel::Token token, VisitFn&& visit) const;

  static constexpr int kTokenHashBits = 18;
  static constexpr int kGroupSlots = 128;  // slots whose keys are counted together
  static constexpr int kGroups = protocol::kSlotCount / kGroupSlots;

  RecordArena& arena;
  KeyspaceOptions options;
  ExpiryMode mode = ExpiryMode::kDelete;
  bool keeps_access = false;  // see KeepAccess
  ExpiryListener listener;
  InsertListener insert_listener;
  std::uint64_t random_state;

  TableMemory table_memory;
  SlotArray slots;  // kSlotCount; none while the keyspace was never written to
  ExpiryWheel wheel;
  std::vector<TokenRecord> token_records;               // see CollectTokenRecords
  std::size_t expired_unshrunk = 0;                     // since the last round of ShrinkTables
  std::size_t shrink_slot = 0, shrink_part = 0;         // where that round is
  std::int64_t expire_now_ms = 0;                       // during ExpireDue
  std::size_t expired_count = 0;                        // by ExpireDue, ever
  std::vector<std::pair<protocol::Slot, Spot>> sample;  // see SampleFrom

  std::bitset<protocol::kSlotCount> hidden;
  bool IsSlotHidden(protocol::Slot slot) const {
    return hidden.test(static_cast<std::size_t>(protocol::ToInt(slot)));
  }

  EntryCapture* capture = nullptr;   // while one is at work
  std::uint64_t capture_cursor = 0;  // of its walk
  bool capture_walks = false;        // its walk has not come to the end
  bool stamp = false;                // what records have that need not be captured

  std::size_t size = 0;
  std::size_t with_expiry = 0;
  std::size_t record_bytes = 0;
  std::size_t object_bytes = 0;
  std::array<std::size_t, kValueTypeCount> size_of_type{};
  std::array<std::size_t, kValueTypeCount> bytes_of_type{};
  std::array<std::uint32_t, kGroups> size_of_group{};
  std::deque<Flushed> flushed;
  std::deque<std::unique_ptr<ValueObject>> discarded;  // still in object_bytes
  std::size_t flushed_keys = 0;                        // in `flushed`, not yet freed
  std::size_t freed_count = 0;                         // see TakeFreedCount
};

}  // namespace slotway::storage
