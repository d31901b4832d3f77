// SPDX-License-Identifier: Apache-2.0
// A large sorted set: members found by name through an ElasticTable, by rank and score through an
// OrderIndex.
//
// Each member has one allocation of the arena, to which both refer. Nothing in here takes long,
// whatever the size; a scan survives changes. One thread only. Views are valid until the next
// change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "storage/memory/elastic_table.h"
#include "storage/memory/key_hash.h"
#include "storage/memory/record_arena.h"
#include "storage/types/element_capture.h"
#include "storage/types/order_index.h"
#include "storage/types/sorted_set_order.h"
#include "storage/types/value_object.h"

namespace slotway::storage {

// What setting a score did.
enum class ScoreChange : std::uint8_t { kAdded, kUpdated, kNone };

class SortedSetTable final : public ValueObject {
 public:
  // `arena` must outlive the table; `seed` is for hashing.
  SortedSetTable(RecordArena& arena, std::uint64_t seed)
      : seed_(seed), memory_{arena}, order_(arena) {}
  ~SortedSetTable() override;

  std::size_t MemoryBytes() const override {
    return sizeof *this + member_bytes_ + memory_.index_bytes + order_.MemoryBytes();
  }
  std::size_t ElementCount() const override { return table_.size(); }
  std::size_t FreeSome(std::size_t max_elements) override;
  std::unique_ptr<ValueObject> Clone() const override;
  bool BeginCapture(ElementTaker& taker) override;
  bool CaptureSome(std::size_t max_elements) override;
  void EndCapture() override { capture_.reset(); }

  std::optional<double> ScoreOf(std::string_view member) const;
  std::optional<std::size_t> RankOf(std::string_view member) const;
  // decide(old score, if any) gives the score to set, or nothing to leave the member as it is.
  template <class DecideFn>
  ScoreChange Update(std::string_view member, DecideFn&& decide);
  void Set(std::string_view member, double score) {
    Update(member, [score](std::optional<double>) { return std::optional(score); });
  }
  // REQUIRES: the member is not in and belongs behind all others.
  void Append(const ScoredMember& item);
  // True when the member was there.
  bool Delete(std::string_view member);

  RankRange RanksOf(const ScoreRange& range) const { return order_.RanksOf(range); }
  RankRange RanksOf(const LexRange& range) const { return order_.RanksOf(range); }
  // visit(ScoredMember) for the members of these ranks, from the lowest on or from the highest.
  // REQUIRES: they exist. `visit` must not change the set.
  template <class VisitFn>
  void Visit(const RankRange& ranks, bool is_descending, VisitFn&& visit) const;
  void DeleteRanks(const RankRange& ranks);
  // visit(ScoredMember) for about `count` members from `cursor` (0 begins); returns the next
  // cursor, 0 at the end. Members present throughout are visited at least once.
  template <class VisitFn>
  std::uint64_t Scan(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const;

 private:
  SortedSetMember At(ArenaRef ref) const { return {memory_.arena, ref}; }
  std::uint64_t HashOf(std::string_view member) const { return KeyHash(seed_, member); }
  auto HashOfRef() const {
    return [this](ArenaRef ref) { return HashOf(At(ref).Text()); };
  }
  Spot Find(std::uint64_t hash, std::string_view member) const {
    return table_.Find(hash, [&](ArenaRef ref) { return At(ref).Text() == member; });
  }
  void HandOut(ArenaRef ref);
  // Before the member changes or goes.
  void Preserve(ArenaRef ref) {
    if (capture_ != nullptr && capture_->Marks(At(ref).View(), ref)) [[unlikely]]
      HandOut(ref);
  }
  void SetScore(ArenaRef ref, double score);
  // A new member, in the table; the order is left to the caller.
  ArenaRef AddToTable(std::uint64_t hash, std::string_view member, double score);
  void Remove(std::uint64_t hash, Spot spot);
  void FreeMember(ArenaRef ref);

  std::uint64_t seed_;
  TableMemory memory_;
  ElasticTable table_;
  OrderIndex order_;
  std::size_t member_bytes_ = 0;
  std::uint64_t freed_position_ = 0;           // see FreeSome
  std::unique_ptr<RankOrderCapture> capture_;  // while one is at work
};

template <class DecideFn>
ScoreChange SortedSetTable::Update(std::string_view member, DecideFn&& decide) {
  const std::uint64_t hash = HashOf(member);
  const Spot spot = Find(hash, member);
  std::optional<double> old_score;
  if (spot) old_score = At(spot.ref()).Score();
  const std::optional<double> score = decide(old_score);
  if (!score || score == old_score) return ScoreChange::kNone;
  if (!spot) {
    order_.Insert(AddToTable(hash, member, *score));
    return ScoreChange::kAdded;
  }
  SetScore(spot.ref(), *score);
  return ScoreChange::kUpdated;
}

template <class VisitFn>
void SortedSetTable::Visit(const RankRange& ranks, bool is_descending, VisitFn&& visit) const {
  if (ranks.count == 0) return;
  OrderIndex::Cursor cursor = order_.At(is_descending ? ranks.End() - 1 : ranks.first);
  for (std::size_t left = ranks.count; left > 0; --left) {
    visit((*cursor).View());
    if (left == 1) break;
    is_descending ? cursor.Retreat() : cursor.Advance();
  }
}

template <class VisitFn>
std::uint64_t SortedSetTable::Scan(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const {
  std::size_t visited = 0;
  while (cursor < ElasticTable::kPositionEnd) {
    cursor = table_.VisitFrom(cursor, [&](Spot spot) {
      ++visited;
      visit(At(spot.ref()).View());
    });
    if (visited >= count) break;
  }
  return cursor < ElasticTable::kPositionEnd ? cursor : 0;
}

}  // namespace slotway::storage
