// SPDX-License-Identifier: Apache-2.0
// Hashes in both encodings: a listpack of field, value, field, value...; or a table of fields.
//
// A HashTable keeps each field with its value in one allocation of the arena, found through an
// ElasticTable: it never rehashes as a whole, and a scan of it survives changes. One thread only.
// Views are valid until the next change of the hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "storage/memory/elastic_table.h"
#include "storage/memory/elastic_table_draws.h"
#include "storage/memory/key_hash.h"
#include "storage/memory/record_arena.h"
#include "storage/types/element_capture.h"
#include "storage/types/value_limits.h"
#include "storage/types/value_object.h"

namespace slotway::storage {

// Whether bytes from outside are a listpack that holds a hash: fields with values, no field twice.
bool IsValidHashListpack(std::string_view bytes);

class HashTable final : public ValueObject {
 public:
  // `arena` must outlive the table; `seed` is for hashing.
  HashTable(RecordArena& arena, std::uint64_t seed) : seed_(seed), memory_{arena} {}
  ~HashTable() override;

  std::size_t MemoryBytes() const override {
    return sizeof *this + field_bytes_ + memory_.index_bytes;
  }
  std::size_t ElementCount() const override { return table_.size(); }
  std::size_t FreeSome(std::size_t max_elements) override;
  std::unique_ptr<ValueObject> Clone() const override;
  bool BeginCapture(ElementTaker& taker) override;
  bool CaptureSome(std::size_t max_elements) override;
  void EndCapture() override { capture_.reset(); }

  std::optional<std::string_view> Get(std::string_view field) const;
  // True when the field is new.
  bool Set(std::string_view field, std::string_view value);
  // True when the field was there.
  bool Delete(std::string_view field);

  // visit(field, value) for all; must not change the hash.
  template <class VisitFn>
  void ForEach(VisitFn&& visit) const;
  // visit(field, value) for about `count` fields from `cursor` (0 begins); returns the next
  // cursor, 0 at the end. Fields present throughout are visited at least once.
  template <class VisitFn>
  std::uint64_t Scan(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const;
  // visit(field, value) for one, all equally likely. `next` returns uniform 64-bit numbers.
  // REQUIRES: ElementCount() > 0.
  template <class VisitFn, class RandomFn>
  void VisitRandom(RandomFn&& next, VisitFn&& visit) const {
    VisitItem(table_.RandomSpot(next).ref(), visit);
  }
  // The same for `count` different fields, every choice equally likely, in no certain order.
  // REQUIRES: count <= ElementCount().
  template <class RandomFn, class VisitFn>
  void VisitRandomDistinct(std::size_t count, RandomFn&& next, VisitFn&& visit) const {
    table_.VisitRandomDistinct(count, next, [&](Spot spot) { VisitItem(spot.ref(), visit); });
  }

 private:
  // One field with its value: u8 width codes, the two lengths, field, value.
  struct Item {
    std::string_view field;
    std::string_view value;
  };
  Item ItemAt(ArenaRef ref) const;
  void HandOut(ArenaRef ref);
  // Before the item changes or goes.
  void Preserve(std::uint64_t hash, ArenaRef ref) {
    if (capture_ != nullptr && capture_->Marks(hash, ref)) [[unlikely]]
      HandOut(ref);
  }
  ArenaRef NewItem(std::uint64_t hash, std::string_view field, std::string_view value);
  void FreeItem(ArenaRef ref);
  Spot Find(std::uint64_t hash, std::string_view field) const;
  auto HashOf() const {
    return [this](ArenaRef ref) { return KeyHash(seed_, ItemAt(ref).field); };
  }
  template <class VisitFn>
  void VisitItem(ArenaRef ref, VisitFn&& visit) const {
    const Item item = ItemAt(ref);
    visit(item.field, item.value);
  }

  std::uint64_t seed_;
  TableMemory memory_;
  ElasticTable table_;
  std::size_t field_bytes_ = 0;
  std::uint64_t freed_position_ = 0;           // see FreeSome
  std::unique_ptr<HashOrderCapture> capture_;  // while one is at work
};

template <class VisitFn>
void HashTable::ForEach(VisitFn&& visit) const {
  table_.ForEach([&](Spot spot) { VisitItem(spot.ref(), visit); });
}

template <class VisitFn>
std::uint64_t HashTable::Scan(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const {
  std::size_t visited = 0;
  while (cursor < ElasticTable::kPositionEnd) {
    cursor = table_.VisitFrom(cursor, [&](Spot spot) {
      ++visited;
      VisitItem(spot.ref(), visit);
    });
    if (visited >= count) break;
  }
  return cursor < ElasticTable::kPositionEnd ? cursor : 0;
}

}  // namespace slotway::storage
