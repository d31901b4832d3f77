// SPDX-License-Identifier: Apache-2.0
// Unions, intersections and differences of sets and sorted sets, as Redis computes them. Pure.
//
// Members are compared as bytes; here they are views of something that lives longer. Sums of scores
// are taken in Redis's order (the smallest set first), so that they round alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace slotway::proxy {

enum class SetRule : std::uint8_t { kUnion, kIntersection, kDifference };

// Each set is without repetitions; so is the result.
std::vector<std::string_view> CombineSets(SetRule rule,
                                          std::span<const std::vector<std::string_view>> sets);

enum class ScoreRule : std::uint8_t { kSum, kMin, kMax };

struct ScoredMember {
  std::string_view member;
  double score = 0;
  bool operator==(const ScoredMember&) const = default;
};

// `weights` is empty or has one per set. The result is sorted by score, then member.
std::vector<ScoredMember> CombineSortedSets(SetRule rule, ScoreRule scores,
                                            std::span<const std::vector<ScoredMember>> sets,
                                            std::span<const double> weights);

}  // namespace slotway::proxy
