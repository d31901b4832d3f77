// SPDX-License-Identifier: Apache-2.0
// Ranges of sorted sets: ZRANGE and its older forms, ZRANGESTORE, ZCOUNT, ZLEXCOUNT, ZREMRANGEBY*.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/sorted_set_bounds.h"
#include "storage/commands/sorted_set_result.h"
#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {
namespace {

enum class RangeKind : std::uint8_t { kRank, kScore, kLex };

using Bounds = std::variant<RankBounds, ScoreRange, LexRange>;

// What a command's name says of its range; nothing: the options say it.
struct RangeForm {
  std::optional<RangeKind> kind = {};
  std::optional<bool> is_descending = {};
  std::size_t key_index = 1;  // the bounds follow it
  bool is_stored = false;     // under args[1]
};

struct RangeQuery {
  RangeKind kind = RangeKind::kRank;
  bool is_descending = false;
  bool with_scores = false;
  std::int64_t offset = 0;
  std::int64_t limit = -1;  // negative: all
  Bounds bounds;
};

bool ReadRangeOptions(CommandContext& ctx, const RangeForm& form, RangeQuery& query) {
  std::optional<RangeKind> kind = form.kind;
  query.is_descending = form.is_descending.value_or(false);
  ArgumentReader reader(ctx, form.key_index + 3);
  while (reader.HasMore()) {
    if (!form.is_stored && reader.TakeWord("withscores")) {
      query.with_scores = true;
    } else if (reader.TakeWord("limit", 2)) {
      query.offset = reader.TakeInteger();
      query.limit = reader.TakeInteger();
    } else if (!form.is_descending && !query.is_descending && reader.TakeWord("rev")) {
      query.is_descending = true;
    } else if (!kind && reader.TakeWord("bylex")) {
      kind = RangeKind::kLex;
    } else if (!kind && reader.TakeWord("byscore")) {
      kind = RangeKind::kScore;
    } else {
      reader.FailSyntax();
    }
  }
  query.kind = kind.value_or(RangeKind::kRank);
  if (query.limit != -1 && query.kind == RangeKind::kRank) {
    reader.Fail(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  }
  if (query.with_scores && query.kind == RangeKind::kLex) {
    reader.Fail("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  }
  return reader.Finish();
}

template <class Range>
bool Take(const std::optional<Range>& range, Bounds& bounds) {
  if (range) bounds = *range;
  return range.has_value();
}

bool ReadBounds(CommandContext& ctx, RangeKind kind, std::size_t min_index, std::size_t max_index,
                Bounds& bounds) {
  switch (kind) {
    case RangeKind::kRank:
      return Take(ReadRankBounds(ctx, min_index, max_index), bounds);
    case RangeKind::kScore:
      return Take(ReadScoreRange(ctx, min_index, max_index), bounds);
    case RangeKind::kLex:
      return Take(ReadLexRange(ctx, min_index, max_index), bounds);
  }
  return false;
}

RankRange RanksOf(const SortedSetHandle& set, const RankBounds& bounds) {
  return bounds.Of(set.Size());
}
RankRange RanksOf(const SortedSetHandle& set, const ScoreRange& range) {
  return set.RanksOf(range);
}
RankRange RanksOf(const SortedSetHandle& set, const LexRange& range) { return set.RanksOf(range); }
RankRange RanksOf(const SortedSetHandle& set, const Bounds& bounds) {
  return std::visit([&set](const auto& range) { return RanksOf(set, range); }, bounds);
}

// `ranks` counted from the other end.
RankRange Mirrored(const RankRange& ranks, std::size_t size) {
  return {size - ranks.End(), ranks.count};
}

// The ranks that a query selects, counted from the lowest member whatever the direction.
RankRange Select(const SortedSetHandle& set, const RangeQuery& query) {
  RankRange ranks = RanksOf(set, query.bounds);
  if (query.kind == RangeKind::kRank) {
    return query.is_descending ? Mirrored(ranks, set.Size()) : ranks;
  }
  const auto count = static_cast<std::int64_t>(ranks.count);
  if (query.offset < 0 || query.offset >= count) return {};
  const std::int64_t left = count - query.offset;
  const std::int64_t taken = query.limit < 0 ? left : std::min(left, query.limit);
  const std::int64_t skipped = query.is_descending ? left - taken : query.offset;
  return {ranks.first + static_cast<std::size_t>(skipped), static_cast<std::size_t>(taken)};
}

void Range(CommandContext& ctx, const RangeForm& form) {
  RangeQuery query;
  if (!ReadRangeOptions(ctx, form, query)) return;
  std::size_t min_index = form.key_index + 1;
  std::size_t max_index = form.key_index + 2;
  if (query.is_descending && query.kind != RangeKind::kRank) std::swap(min_index, max_index);
  if (!ReadBounds(ctx, query.kind, min_index, max_index, query.bounds)) return;

  auto opened = OpenToRead<SortedSetHandle>(ctx, form.key_index);
  if (opened.is_wrong_type) return;
  const RankRange ranks = opened.handle ? Select(*opened.handle, query) : RankRange{};
  if (form.is_stored) {
    auto result = NewSortedSet(ctx);
    if (opened.handle) {
      opened.handle->Visit(ranks, false,
                           [&result](const ScoredMember& item) { result->Append(item); });
    }
    StoreResult(ctx, ctx.Key(1), std::move(result), "zrangestore");
    return;
  }
  BeginMembers(ctx, ranks.count, query.with_scores);
  if (!opened.handle) return;
  opened.handle->Visit(ranks, query.is_descending, [&](const ScoredMember& item) {
    ReplyMember(ctx, item, query.with_scores);
  });
}

void ZrangeCommand(CommandContext& ctx) { Range(ctx, {}); }
void ZrangestoreCommand(CommandContext& ctx) { Range(ctx, {.key_index = 2, .is_stored = true}); }
void ZrevrangeCommand(CommandContext& ctx) { Range(ctx, {RangeKind::kRank, true}); }
void ZrangebyscoreCommand(CommandContext& ctx) { Range(ctx, {RangeKind::kScore, false}); }
void ZrevrangebyscoreCommand(CommandContext& ctx) { Range(ctx, {RangeKind::kScore, true}); }
void ZrangebylexCommand(CommandContext& ctx) { Range(ctx, {RangeKind::kLex, false}); }
void ZrevrangebylexCommand(CommandContext& ctx) { Range(ctx, {RangeKind::kLex, true}); }

void CountRange(CommandContext& ctx, RangeKind kind) {
  Bounds bounds;
  if (!ReadBounds(ctx, kind, 2, 3, bounds)) return;
  auto opened = OpenToRead<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  const std::size_t count = opened.handle ? RanksOf(*opened.handle, bounds).count : 0;
  ctx.reply.Integer(static_cast<std::int64_t>(count));
}

void ZcountCommand(CommandContext& ctx) { CountRange(ctx, RangeKind::kScore); }
void ZlexcountCommand(CommandContext& ctx) { CountRange(ctx, RangeKind::kLex); }

void RemoveRange(CommandContext& ctx, RangeKind kind, std::string_view event) {
  Bounds bounds;
  if (!ReadBounds(ctx, kind, 2, 3, bounds)) return;
  const KeyRef key = ctx.Key(1);
  auto opened = OpenToWrite<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  std::size_t count = 0;
  if (opened.handle) {
    const RankRange ranks = RanksOf(*opened.handle, bounds);
    count = ranks.count;
    if (count > 0) {
      opened.handle->DeleteRanks(ranks);
      ctx.KeyChanged(key, config::kNotifyZset, event);
      DeleteIfEmpty(ctx, *opened.handle, key);
    }
  }
  ctx.reply.Integer(static_cast<std::int64_t>(count));
}

void ZremrangebyrankCommand(CommandContext& ctx) {
  RemoveRange(ctx, RangeKind::kRank, "zremrangebyrank");
}
void ZremrangebyscoreCommand(CommandContext& ctx) {
  RemoveRange(ctx, RangeKind::kScore, "zremrangebyscore");
}
void ZremrangebylexCommand(CommandContext& ctx) {
  RemoveRange(ctx, RangeKind::kLex, "zremrangebylex");
}

}  // namespace

std::span<const HandlerRow> SortedSetRangeHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"zrange", &ZrangeCommand},
      {"zrangestore", &ZrangestoreCommand},
      {"zrevrange", &ZrevrangeCommand},
      {"zrangebyscore", &ZrangebyscoreCommand},
      {"zrevrangebyscore", &ZrevrangebyscoreCommand},
      {"zrangebylex", &ZrangebylexCommand},
      {"zrevrangebylex", &ZrevrangebylexCommand},
      {"zcount", &ZcountCommand},
      {"zlexcount", &ZlexcountCommand},
      {"zremrangebyrank", &ZremrangebyrankCommand},
      {"zremrangebyscore", &ZremrangebyscoreCommand},
      {"zremrangebylex", &ZremrangebylexCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
