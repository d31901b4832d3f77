// SPDX-License-Identifier: Apache-2.0
// A small sorted set: one listpack of member, score, member, score..., lowest first.
//
// A score that is a whole number is stored as that integer, another one as the shortest text that
// reads back as the same double: what Redis stores too. Ranks are positions / 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/types/listpack.h"
#include "storage/types/sorted_set_order.h"

namespace slotway::storage {

// A score as the text of a listpack element, kept by whoever needs it.
struct ScoreText {
  char bytes[32];

  std::string_view Print(double score);
};

class SortedSetReader {
 public:
  // REQUIRES: it holds a sorted set. Positions are those of members in the listpack.
  explicit SortedSetReader(ListpackReader listpack) : listpack_(listpack) {}

  std::size_t Count() const { return listpack_.Count() / 2; }
  std::size_t Begin() const { return listpack_.Begin(); }
  std::size_t End() const { return listpack_.End(); }
  std::size_t Next(std::size_t position) const { return listpack_.Next(listpack_.Next(position)); }
  std::size_t Previous(std::size_t position) const {
    return listpack_.Previous(listpack_.Previous(position));
  }
  // The member views `digits` if it is a number.
  ScoredMember At(std::size_t position, NumberText& digits) const;
  double ScoreAt(std::size_t position) const;

  // End() when it is not in.
  std::size_t Find(std::string_view member) const {
    return listpack_.Find(member, listpack_.Begin(), 2);
  }
  std::size_t PositionOf(std::size_t rank) const;
  // Where it stands or would stand.
  std::size_t PlaceFor(const ScoredMember& item) const;
  std::size_t RankAt(std::size_t position) const;
  RankRange RanksOf(const ScoreRange& range) const;
  RankRange RanksOf(const LexRange& range) const;

 private:
  struct Walk {
    std::size_t at;
    std::size_t rank = 0;
  };
  // Steps over members while goes_on(position, score) is true; returns the rank reached.
  template <class GoesOnFn>
  std::size_t WalkWhile(Walk& walk, const GoesOnFn& goes_on) const;

  ListpackReader listpack_;
};

// Whether bytes from outside are a listpack that holds a sorted set: members with scores, in order,
// none twice.
bool IsValidSortedSetListpack(std::string_view bytes);

}  // namespace slotway::storage
