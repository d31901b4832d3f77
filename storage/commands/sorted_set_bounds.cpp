// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/sorted_set_bounds.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "storage/commands/argument_reader.h"
#include "storage/commands/number_text.h"

namespace slotway::storage {
namespace {

// Unlike other numbers of Redis, these may have spaces before them, be too large, or be missing
// altogether (which means 0), and end at a zero byte.
std::optional<double> ParseBound(std::string_view text) {
  if (const auto number = ParseDouble(text)) return number;
  const std::string terminated(text);
  char* end = nullptr;
  const double number = std::strtod(terminated.c_str(), &end);
  if (*end != '\0' || std::isnan(number)) return std::nullopt;
  return number;
}

std::optional<double> ParseScoreBound(std::string_view text, bool& is_excluded) {
  is_excluded = text.starts_with('(');
  if (is_excluded) text.remove_prefix(1);
  return ParseBound(text);
}

std::optional<LexRange::Bound> ParseLexBound(std::string_view text) {
  using enum LexRange::Kind;
  if (text.empty()) return std::nullopt;
  const bool is_alone = text.size() == 1 || text[1] == '\0';
  switch (text[0]) {
    case '+':
      if (!is_alone) return std::nullopt;
      return LexRange::Bound{kHighest};
    case '-':
      if (!is_alone) return std::nullopt;
      return LexRange::Bound{kLowest};
    case '[':
      return LexRange::Bound{kIncluded, text.substr(1)};
    case '(':
      return LexRange::Bound{kExcluded, text.substr(1)};
    default:
      return std::nullopt;
  }
}

}  // namespace

RankRange RankBounds::Of(std::size_t size) const {
  const auto length = static_cast<std::int64_t>(size);
  const std::int64_t begin = std::max<std::int64_t>(first < 0 ? first + length : first, 0);
  const std::int64_t end = std::min(last < 0 ? last + length : last, length - 1) + 1;
  if (begin >= end) return {};
  return RankRange::Between(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
}

std::optional<RankBounds> ReadRankBounds(CommandContext& ctx, std::size_t first_index,
                                         std::size_t last_index) {
  RankBounds bounds;
  if (!ReadInteger(ctx, first_index, bounds.first)) return std::nullopt;
  if (!ReadInteger(ctx, last_index, bounds.last)) return std::nullopt;
  return bounds;
}

std::optional<ScoreRange> ReadScoreRange(CommandContext& ctx, std::size_t min_index,
                                         std::size_t max_index) {
  ScoreRange range{};
  const auto min = ParseScoreBound(ctx.args[min_index], range.excludes_min);
  const auto max = ParseScoreBound(ctx.args[max_index], range.excludes_max);
  if (!min || !max) {
    ctx.Error("ERR min or max is not a float");
    return std::nullopt;
  }
  range.min = *min;
  range.max = *max;
  return range;
}

std::optional<LexRange> ReadLexRange(CommandContext& ctx, std::size_t min_index,
                                     std::size_t max_index) {
  const auto min = ParseLexBound(ctx.args[min_index]);
  const auto max = ParseLexBound(ctx.args[max_index]);
  if (!min || !max) {
    ctx.Error("ERR min or max not valid string range item");
    return std::nullopt;
  }
  return LexRange{*min, *max};
}

}  // namespace slotway::storage
