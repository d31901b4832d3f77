// SPDX-License-Identifier: Apache-2.0
// Some of a sorted set: ZSCAN and ZRANDMEMBER.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_set>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/element_scan.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/reply_bound.h"
#include "storage/commands/sorted_set_result.h"
#include "storage/engine/sorted_set_handle.h"
#include "storage/memory/random_choice.h"

namespace slotway::storage {
namespace {

// Unlike all other commands, ZSCAN writes 17 digits of the scores of a large set.
std::string ScannedScore(double score, Encoding encoding) {
  char text[32];
  if (encoding == Encoding::kSkiplist) {
    const int length = std::snprintf(text, sizeof text, "%.17g", score);
    return {text, static_cast<std::size_t>(length)};
  }
  ScoreText buffer;
  return std::string(buffer.Print(score));
}

void ZscanCommand(CommandContext& ctx) {
  ScanElements<SortedSetHandle>(
      ctx, [](SortedSetHandle& set, std::uint64_t cursor, std::size_t count, auto&& show) {
        const Encoding encoding = set.entry().encoding();
        return set.Scan(cursor, count, [&](const ScoredMember& item) {
          show(item.member, [&] { return ScannedScore(item.score, encoding); });
        });
      });
}

void ReplyRandomMember(CommandContext& ctx, const SortedSetHandle& set, bool with_scores) {
  const std::size_t rank = ctx.server.random.Below(set.Size());
  set.Visit({rank, 1}, false,
            [&](const ScoredMember& item) { ReplyMember(ctx, item, with_scores); });
}

// `count` different members, every choice as likely as any other.
void ReplyDistinctMembers(CommandContext& ctx, const SortedSetHandle& set, std::size_t count,
                          bool with_scores) {
  std::size_t wanted = std::min(count, set.Size());
  BeginMembers(ctx, wanted, with_scores);
  const auto next = [&ctx] { return ctx.server.random.Next(); };
  const auto show = [&](const ScoredMember& item) { ReplyMember(ctx, item, with_scores); };
  if (wanted < set.Size() / 3) {
    // Few of many: a rank that was drawn before is rare, and drawn anew.
    std::unordered_set<std::size_t> drawn;
    while (drawn.size() < wanted) {
      const std::size_t rank = ctx.server.random.Below(set.Size());
      if (drawn.insert(rank).second) set.Visit({rank, 1}, false, show);
    }
    return;
  }
  Selection selection(wanted, set.Size());
  set.ForEach([&](const ScoredMember& item) {
    if (selection.TakesNext(next)) show(item);
  });
}

struct RandomQuery {
  std::int64_t count = 0;
  bool with_scores = false;
};

bool ReadRandomQuery(CommandContext& ctx, RandomQuery& query) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (!ReadInteger(ctx, 2, query.count)) return false;
  if (query.count < -kMax) {
    ctx.Error(kHasNoOpposite);
    return false;
  }
  query.with_scores = ctx.args.size() == 4 && EqualsNoCase(ctx.args[3], "withscores");
  if (ctx.args.size() > 3 && !query.with_scores) {
    ctx.SyntaxError();
    return false;
  }
  if (query.with_scores && (query.count < -kMax / 2 || query.count > kMax / 2)) {
    ctx.Error(protocol::error_text::kOutOfRange);
    return false;
  }
  return true;
}

void ReplyOneRandomMember(CommandContext& ctx) {
  auto opened = OpenToRead<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (opened.handle) {
    ReplyRandomMember(ctx, *opened.handle, false);
  } else {
    ctx.reply.Null();
  }
}

void ZrandmemberCommand(CommandContext& ctx) {
  if (ctx.args.size() == 2) {
    ReplyOneRandomMember(ctx);
    return;
  }
  RandomQuery query;
  if (!ReadRandomQuery(ctx, query)) return;
  auto opened = OpenToRead<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle || query.count == 0) {
    ctx.reply.Array(0);
  } else if (query.count > 0) {
    ReplyDistinctMembers(ctx, *opened.handle, static_cast<std::size_t>(query.count),
                         query.with_scores);
  } else {
    const auto repeats = static_cast<std::uint64_t>(-query.count);
    if (!MayAnswer(ctx, repeats)) return;
    BeginMembers(ctx, repeats, query.with_scores);
    AnswerInPieces(ctx, repeats, [&](std::uint64_t piece) {
      for (; piece > 0; --piece) ReplyRandomMember(ctx, *opened.handle, query.with_scores);
    });
  }
}

}  // namespace

std::span<const HandlerRow> SortedSetScanHandlers() {
  static constexpr HandlerRow kRows[] = {{"zscan", &ZscanCommand},
                                         {"zrandmember", &ZrandmemberCommand}};
  return kRows;
}

}  // namespace slotway::storage
