// SPDX-License-Identifier: Apache-2.0
// The elements of a large value as they were at one moment, handed out a few at a time while the
// value goes on changing.
//
// A walk hands them out in an order of the value's own, so that its place in that order tells what
// is still ahead. What is ahead and changes, or goes, is handed out first and marked; what comes
// ahead of the walk is only marked; the walk passes by what is marked. So each element of that
// moment is handed out once, as it was then. A mark is of memory, not of a name: what takes the
// memory of an element that went is new, and finds itself marked. One thread only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>

#include "storage/memory/elastic_table.h"
#include "storage/types/order_index.h"
#include "storage/types/value_object.h"

namespace slotway::storage {

// For a value that is about to be freed: hands out about so many elements; false when it may go.
inline bool CaptureBeforeFreeing(ValueObject& value, ElementTaker& taker,
                                 std::size_t max_elements) {
  if (value.CaptureSome(max_elements)) return true;
  value.EndCapture();
  taker.OnGone();
  return false;
}

// A capture of a value whose elements are found by their hashes: the walk follows the hashes.
class HashOrderCapture {
 public:
  // `taker` must outlive it.
  explicit HashOrderCapture(ElementTaker& taker) : taker_(taker) {}
  ElementTaker& taker() const { return taker_; }

  // Before the element at `ref` changes or goes: whether it must be handed out now.
  bool Marks(std::uint64_t hash, ArenaRef ref) {
    return ElasticTable::PositionOf(hash) >= position_ && marked_.insert(ref).second;
  }

  // hand_out(ArenaRef) for some more elements, about `max_elements`; false at the end.
  template <class HashFn, class HandOutFn>
  bool Step(const ElasticTable& table, std::size_t max_elements, HashFn&& hash_of,
            HandOutFn&& hand_out) {
    for (std::size_t work = 0; position_ < ElasticTable::kPositionEnd && work < max_elements;
         ++work) {
      position_ = table.VisitFrom(position_, [&](Spot spot) {
        ++work;
        const ArenaRef ref = spot.ref();
        const bool is_ahead = ElasticTable::PositionOf(hash_of(ref)) >= position_;
        if (is_ahead && !marked_.contains(ref)) hand_out(ref);
      });
    }
    return position_ < ElasticTable::kPositionEnd;
  }

 private:
  ElementTaker& taker_;
  std::uint64_t position_ = 0;  // what has a lower one is behind the walk
  std::unordered_set<ArenaRef> marked_;
};

// A capture of a sorted set: the walk goes from the highest member down.
class RankOrderCapture {
 public:
  // `taker` must outlive it.
  explicit RankOrderCapture(ElementTaker& taker) : taker_(taker) {}
  ElementTaker& taker() const { return taker_; }

  // Before the member at `ref`, which is `item`, changes or goes: whether it must be handed out
  // now. And after one has come or has another score: marks it, which matters ahead of the walk.
  bool Marks(const ScoredMember& item, ArenaRef ref) {
    return IsAhead(item) && marked_.insert(ref).second;
  }

  // hand_out(ArenaRef) for some more members, at most `max_elements`; false at the end.
  template <class HandOutFn>
  bool Step(const RecordArena& arena, const OrderIndex& order, std::size_t max_elements,
            HandOutFn&& hand_out) {
    const std::size_t ahead = has_begun_ ? order.CountPreceding({score_, member_}) : order.size();
    const std::size_t count = std::min(ahead, max_elements);
    has_begun_ = true;
    is_done_ = count == ahead;
    if (count == 0) return !is_done_;
    OrderIndex::Cursor at = order.At(ahead - 1);
    for (std::size_t left = count; left > 0; --left) {
      if (!marked_.contains(at.ref())) hand_out(at.ref());
      if (left > 1) at.Retreat();
    }
    const SortedSetMember lowest(arena, at.ref());
    score_ = lowest.Score();
    member_ = lowest.Text();
    return !is_done_;
  }

 private:
  bool IsAhead(const ScoredMember& item) const {
    if (!has_begun_) return true;
    return !is_done_ && Precedes(item, {score_, member_});
  }

  ElementTaker& taker_;
  bool has_begun_ = false;
  bool is_done_ = false;
  double score_ = 0;    // where the walk is: what precedes this
  std::string member_;  // member is ahead of it
  std::unordered_set<ArenaRef> marked_;
};

}  // namespace slotway::storage
