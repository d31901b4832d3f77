// SPDX-License-Identifier: Apache-2.0
// The order of sorted sets: by score, members of one score by their bytes; and ranges in it.
//
// A range is two cuts of that order, so whatever asks for one becomes a range of ranks: the members
// below its start are counted, then those that are not above its end. Pure; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slotway::storage {

struct ScoredMember {
  double score;
  std::string_view member;
};

// No score is ever NaN; -0 equals 0.
inline bool Precedes(const ScoredMember& a, const ScoredMember& b) {
  return a.score != b.score ? a.score < b.score : a.member < b.member;
}

// Ranks from `first` on, the lowest member having rank 0.
struct RankRange {
  std::size_t first = 0;
  std::size_t count = 0;

  std::size_t End() const { return first + count; }
  static RankRange Between(std::size_t first, std::size_t end) {
    return {first, std::max(first, end) - first};
  }
};

struct ScoreRange {
  double min;
  double max;
  bool excludes_min = false;
  bool excludes_max = false;

  bool StartsAfter(double score) const { return excludes_min ? score <= min : score < min; }
  bool EndsBefore(double score) const { return excludes_max ? score >= max : score > max; }
};

// A range of members by their bytes. It means something only if all scores are the same.
struct LexRange {
  enum class Kind : std::uint8_t { kLowest, kHighest, kIncluded, kExcluded };
  struct Bound {
    Kind kind;
    std::string_view text = {};
  };
  Bound min;
  Bound max;

  bool StartsAfter(std::string_view member) const {
    if (min.kind == Kind::kLowest) return false;
    if (min.kind == Kind::kHighest) return true;
    return min.kind == Kind::kExcluded ? member <= min.text : member < min.text;
  }
  bool EndsBefore(std::string_view member) const {
    if (max.kind == Kind::kLowest) return true;
    if (max.kind == Kind::kHighest) return false;
    return max.kind == Kind::kExcluded ? member >= max.text : member > max.text;
  }
};

}  // namespace slotway::storage
