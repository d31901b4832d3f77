// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/set_algebra.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace slotway::proxy {
namespace {

using Members = std::unordered_set<std::string_view>;

// Indexes of the sets, the smallest first.
template <class Set>
std::vector<std::size_t> BySize(std::span<const Set> sets) {
  std::vector<std::size_t> order(sets.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return sets[a].size() < sets[b].size();
  });
  return order;
}

std::vector<std::string_view> Unite(std::span<const std::vector<std::string_view>> sets) {
  Members seen;
  std::vector<std::string_view> result;
  for (const auto& set : sets) {
    for (std::string_view member : set) {
      if (seen.insert(member).second) result.push_back(member);
    }
  }
  return result;
}

std::vector<std::string_view> Intersect(std::span<const std::vector<std::string_view>> sets) {
  std::vector<std::size_t> order = BySize(sets);
  std::vector<std::string_view> result = sets[order[0]];
  for (std::size_t i = 1; i < order.size() && !result.empty(); ++i) {
    Members other(sets[order[i]].begin(), sets[order[i]].end());
    std::erase_if(result, [&](std::string_view member) { return !other.contains(member); });
  }
  return result;
}

std::vector<std::string_view> Subtract(std::span<const std::vector<std::string_view>> sets) {
  Members others;
  for (const auto& set : sets.subspan(1)) others.insert(set.begin(), set.end());
  std::vector<std::string_view> result;
  for (std::string_view member : sets[0]) {
    if (!others.contains(member)) result.push_back(member);
  }
  return result;
}

double NumberOrZero(double value) { return std::isnan(value) ? 0 : value; }

double Aggregate(ScoreRule rule, double a, double b) {
  switch (rule) {
    case ScoreRule::kMin:
      return std::min(a, b);
    case ScoreRule::kMax:
      return std::max(a, b);
    case ScoreRule::kSum:
      break;
  }
  return NumberOrZero(a + b);  // of two infinities
}

}  // namespace

std::vector<std::string_view> CombineSets(SetRule rule,
                                          std::span<const std::vector<std::string_view>> sets) {
  if (sets.empty()) return {};
  switch (rule) {
    case SetRule::kUnion:
      return Unite(sets);
    case SetRule::kIntersection:
      return Intersect(sets);
    case SetRule::kDifference:
      break;
  }
  return Subtract(sets);
}

std::vector<ScoredMember> CombineSortedSets(SetRule rule, ScoreRule scores,
                                            std::span<const std::vector<ScoredMember>> sets,
                                            std::span<const double> weights) {
  std::vector<ScoredMember> result;
  if (sets.empty()) return result;
  if (rule == SetRule::kDifference) {
    std::unordered_set<std::string_view> others;
    for (const auto& set : sets.subspan(1)) {
      for (const ScoredMember& member : set) others.insert(member.member);
    }
    for (const ScoredMember& member : sets[0]) {
      if (!others.contains(member.member)) result.push_back(member);
    }
  } else {
    struct Found {
      double score = 0;
      std::size_t times = 0;
    };
    std::unordered_map<std::string_view, Found> found;
    for (std::size_t i : BySize(sets)) {
      double weight = weights.empty() ? 1 : weights[i];
      for (const ScoredMember& member : sets[i]) {
        double score = weight * member.score;
        Found& entry = found[member.member];
        // Zero times infinity: an intersection minds it in its first set and in sums only.
        if (rule == SetRule::kUnion || entry.times == 0) score = NumberOrZero(score);
        entry.score = entry.times == 0 ? score : Aggregate(scores, entry.score, score);
        ++entry.times;
      }
    }
    std::size_t needed = rule == SetRule::kUnion ? 1 : sets.size();
    for (const auto& [member, entry] : found) {
      if (entry.times >= needed) result.push_back({member, entry.score});
    }
  }
  std::sort(result.begin(), result.end(), [](const ScoredMember& a, const ScoredMember& b) {
    return std::tie(a.score, a.member) < std::tie(b.score, b.member);
  });
  return result;
}

}  // namespace slotway::proxy
