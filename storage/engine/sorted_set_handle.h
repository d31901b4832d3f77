// SPDX-License-Identifier: Apache-2.0
// A sorted set key opened for reading and changing, whichever encoding it has.
//
// Small ones are one listpack in the record, large ones a SortedSetTable object; Update converts
// when a limit is passed and never back. Views are valid until the next call on this handle or the
// next change of the keyspace. An emptied set must be deleted by the caller (Size() == 0, then
// keyspace.Delete(entry())). Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "storage/engine/keyspace.h"
#include "storage/engine/record_listpack.h"
#include "storage/types/sorted_set_listpack.h"
#include "storage/types/sorted_set_value.h"
#include "storage/types/value_limits.h"

namespace slotway::storage {

class SortedSetHandle {
 public:
  static constexpr ValueType kType = ValueType::kZset;

  // REQUIRES: entry.type() == kType. The handle stays valid while only it changes the keyspace.
  SortedSetHandle(Keyspace& keyspace, const Entry& entry) : keyspace_(&keyspace), entry_(entry) {}

  // A new, empty one under `key`, overwriting what was there; an Update that adds must follow.
  static SortedSetHandle Create(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms);
  // Stores a whole set under `key`, overwriting what was there, in the encoding for its size.
  // REQUIRES: it is not empty and was made in the keyspace's arena.
  static void Store(Keyspace& keyspace, const KeyRef& key, std::unique_ptr<SortedSetTable> set,
                    const SortedSetLimits& limits, std::int64_t now_ms);

  const Entry& entry() const { return entry_; }
  std::size_t Size() const;
  std::optional<double> ScoreOf(std::string_view member) const;
  std::optional<std::size_t> RankOf(std::string_view member) const;

  // decide(old score, if any) gives the score to set, or nothing to leave the member as it is.
  // `member` must not point into this set.
  template <class DecideFn>
  ScoreChange Update(std::string_view member, const SortedSetLimits& limits, DecideFn&& decide);
  // True when the member was there.
  bool Delete(std::string_view member);

  RankRange RanksOf(const ScoreRange& range) const;
  RankRange RanksOf(const LexRange& range) const;
  // visit(ScoredMember) for the members of these ranks, from the lowest on or from the highest.
  // REQUIRES: they exist. `visit` must not change the keyspace.
  template <class VisitFn>
  void Visit(const RankRange& ranks, bool is_descending, VisitFn&& visit) const;
  template <class VisitFn>
  void ForEach(VisitFn&& visit) const {
    Visit({0, Size()}, false, visit);
  }
  void DeleteRanks(const RankRange& ranks);
  // Like Keyspace::Scan, for members. A listpack is visited whole in one call.
  template <class VisitFn>
  std::uint64_t Scan(std::uint64_t cursor, std::size_t count, VisitFn&& visit) const;

 private:
  bool IsTable() const { return entry_.encoding() == Encoding::kSkiplist; }
  SortedSetTable& table() const { return static_cast<SortedSetTable&>(*entry_.Object()); }
  SortedSetReader reader() const { return SortedSetReader(ListpackReader(entry_.Bytes())); }
  RecordListpack listpack() { return {*keyspace_, entry_}; }

  // The listpack: what Update decided. False when the member does not fit in, for its length or
  // because there are too many.
  bool SetInListpack(std::size_t position, const ScoredMember& item, const SortedSetLimits& limits);
  void ConvertToTable();

  Keyspace* keyspace_;
  Entry entry_;
};

template <class DecideFn>
ScoreChange SortedSetHandle::Update(std::string_view member, const SortedSetLimits& limits,
                                    DecideFn&& decide) {
  if (!IsTable()) {
    const std::size_t position = reader().Find(member);
    const bool is_new = position == reader().End();
    std::optional<double> old_score;
    if (!is_new) old_score = reader().ScoreAt(position);
    const std::optional<double> score = decide(old_score);
    if (!score || score == old_score) return ScoreChange::kNone;
    if (!SetInListpack(position, {*score, member}, limits)) {
      ConvertToTable();
      const std::size_t bytes_before = table().MemoryBytes();
      table().Set(member, *score);
      keyspace_->ObjectChanged(entry_, bytes_before);
    }
    return is_new ? ScoreChange::kAdded : ScoreChange::kUpdated;
  }
  const std::size_t bytes_before = table().MemoryBytes();
  const ScoreChange change = table().Update(member, decide);
  keyspace_->ObjectChanged(entry_, bytes_before);
  return change;
}

template <class VisitFn>
void SortedSetHandle::Visit(const RankRange& ranks, bool is_descending, VisitFn&& visit) const {
  if (IsTable()) {
    table().Visit(ranks, is_descending, visit);
    return;
  }
  const SortedSetReader items = reader();
  NumberText digits;
  std::size_t at = items.PositionOf(is_descending ? ranks.End() : ranks.first);
  for (std::size_t left = ranks.count; left > 0; --left) {
    if (is_descending) at = items.Previous(at);
    visit(items.At(at, digits));
    if (!is_descending) at = items.Next(at);
  }
}

template <class VisitFn>
std::uint64_t SortedSetHandle::Scan(std::uint64_t cursor, std::size_t count,
                                    VisitFn&& visit) const {
  if (IsTable()) return table().Scan(cursor, count, visit);
  ForEach(visit);
  return 0;
}

}  // namespace slotway::storage
