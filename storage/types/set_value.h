// SPDX-License-Identifier: Apache-2.0
// A large set: each member one allocation of the arena, found through an ElasticTable.
//
//   member  u8 length, bytes          up to 253
//           u8 254, u16 length, bytes
//           u8 255, u32 length, bytes
//
// It never rehashes as a whole, and a scan of it survives changes. One thread only. Views are valid
// until the next change of the set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "storage/memory/elastic_table.h"
#include "storage/memory/elastic_table_draws.h"
#include "storage/memory/key_hash.h"
#include "storage/memory/record_arena.h"
#include "storage/types/element_capture.h"
#include "storage/types/value_object.h"

namespace slotway::storage {

// Whether bytes from outside are a listpack that holds a set: no member twice.
bool IsValidSetListpack(std::string_view bytes);

class SetTable final : public ValueObject {
 public:
  // `arena` must outlive the table; `seed` is for hashing.
  SetTable(RecordArena& arena, std::uint64_t seed) : seed_(seed), memory_{arena} {}
  ~SetTable() override;

  std::size_t MemoryBytes() const override {
    return sizeof *this + member_bytes_ + memory_.index_bytes;
  }
  std::size_t ElementCount() const override { return table_.size(); }
  std::size_t FreeSome(std::size_t max_elements) override;
  std::unique_ptr<ValueObject> Clone() const override;
  bool BeginCapture(ElementTaker& taker) override;
  bool CaptureSome(std::size_t max_elements) override;
  void EndCapture() override { capture_.reset(); }

  bool Contains(std::string_view member) const {
    return static_cast<bool>(Find(HashOf(member), member));
  }
  // True when the member is new. It must not point into this set.
  bool Add(std::string_view member);
  // True when the member was there. It may point into this set.
  bool Remove(std::string_view member);

  // visit(member) for all; must not change the set.
  template <class VisitFn>
  void ForEach(VisitFn&& visit) const {
    table_.ForEach([&](Spot spot) { visit(MemberAt(spot.ref())); });
  }
  // visit(member) for about `count` members from `cursor` (0 begins); returns the next cursor, 0 at
  // the end. Members present throughout are visited at least once, and once only in a set that does
  // not change.
  template <class VisitFn>
  std::uint64_t Scan(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const;
  // visit(member) for one, all equally likely. `next` returns uniform 64-bit numbers.
  // REQUIRES: ElementCount() > 0.
  template <class RandomFn, class VisitFn>
  void VisitRandom(RandomFn&& next, VisitFn&& visit) const {
    visit(MemberAt(table_.RandomSpot(next).ref()));
  }
  // The same for `count` different ones, every choice equally likely, in no certain order.
  // REQUIRES: count <= ElementCount().
  template <class RandomFn, class VisitFn>
  void VisitRandomDistinct(std::size_t count, RandomFn&& next, VisitFn&& visit) const {
    table_.VisitRandomDistinct(count, next, [&](Spot spot) { visit(MemberAt(spot.ref())); });
  }

 private:
  std::string_view MemberAt(ArenaRef ref) const;
  void HandOut(ArenaRef ref) { capture_->taker().Take({.name = MemberAt(ref)}); }
  ArenaRef NewMember(std::string_view member);
  void FreeMember(ArenaRef ref);
  std::uint64_t HashOf(std::string_view member) const { return KeyHash(seed_, member); }
  auto HashOfRef() const {
    return [this](ArenaRef ref) { return HashOf(MemberAt(ref)); };
  }
  Spot Find(std::uint64_t hash, std::string_view member) const {
    return table_.Find(hash, [&](ArenaRef ref) { return MemberAt(ref) == member; });
  }

  std::uint64_t seed_;
  TableMemory memory_;
  ElasticTable table_;
  std::size_t member_bytes_ = 0;
  std::uint64_t freed_position_ = 0;           // see FreeSome
  std::unique_ptr<HashOrderCapture> capture_;  // while one is at work
};

template <class VisitFn>
std::uint64_t SetTable::Scan(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const {
  std::size_t visited = 0;
  while (cursor < ElasticTable::kPositionEnd) {
    cursor = table_.VisitFrom(cursor, [&](Spot spot) {
      ++visited;
      visit(MemberAt(spot.ref()));
    });
    if (visited >= count) break;
  }
  return cursor < ElasticTable::kPositionEnd ? cursor : 0;
}

}  // namespace slotway::storage
