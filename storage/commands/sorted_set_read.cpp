// SPDX-License-Identifier: Apache-2.0
// Sorted sets read, member by member: ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK.
#include <cstdint>
#include <optional>

#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {
namespace {

void ReplyScore(CommandContext& ctx, std::optional<double> score) {
  if (score) {
    ctx.reply.Double(*score);
  } else {
    ctx.reply.Null();
  }
}

void ZcardCommand(CommandContext& ctx) {
  auto opened = OpenToRead<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Integer(opened.handle ? static_cast<std::int64_t>(opened.handle->Size()) : 0);
}

void ZscoreCommand(CommandContext& ctx) {
  auto opened = OpenToRead<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  ReplyScore(ctx, opened.handle ? opened.handle->ScoreOf(ctx.args[2]) : std::nullopt);
}

void ZmscoreCommand(CommandContext& ctx) {
  auto opened = OpenToRead<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Array(ctx.args.size() - 2);
  for (const std::string_view member : ctx.args.subspan(2)) {
    ReplyScore(ctx, opened.handle ? opened.handle->ScoreOf(member) : std::nullopt);
  }
}

void ReplyRank(CommandContext& ctx, bool is_descending) {
  if (ctx.args.size() > 4) {
    ctx.ArityError();
    return;
  }
  const bool with_score = ctx.args.size() == 4;
  if (with_score && !EqualsNoCase(ctx.args[3], "withscore")) {
    ctx.SyntaxError();
    return;
  }
  const std::string_view member = ctx.args[2];
  auto opened = OpenToRead<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  const auto rank = opened.handle ? opened.handle->RankOf(member) : std::nullopt;
  if (!rank) {
    with_score ? ctx.reply.NullArray() : ctx.reply.Null();
    return;
  }
  const std::size_t counted = is_descending ? opened.handle->Size() - 1 - *rank : *rank;
  if (with_score) ctx.reply.Array(2);
  ctx.reply.Integer(static_cast<std::int64_t>(counted));
  if (with_score) ctx.reply.Double(*opened.handle->ScoreOf(member));
}

void ZrankCommand(CommandContext& ctx) { ReplyRank(ctx, false); }
void ZrevrankCommand(CommandContext& ctx) { ReplyRank(ctx, true); }

}  // namespace

std::span<const HandlerRow> SortedSetReadHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"zcard", &ZcardCommand}, {"zscore", &ZscoreCommand},     {"zmscore", &ZmscoreCommand},
      {"zrank", &ZrankCommand}, {"zrevrank", &ZrevrankCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
