// SPDX-License-Identifier: Apache-2.0
// Members taken from an end of a sorted set: ZPOPMIN, ZPOPMAX, ZMPOP, and those that wait until
// there is one: BZPOPMIN, BZPOPMAX, BZMPOP.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/wait_deadline.h"
#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {
namespace {

enum class ScoreEnd : std::uint8_t { kMin, kMax };

constexpr std::string_view PopCommand(ScoreEnd end) {
  return end == ScoreEnd::kMin ? "ZPOPMIN" : "ZPOPMAX";
}

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

// Replies `count` members with their scores, without a head, and removes them.
// REQUIRES: 0 < count <= set.Size().
void PopAndReply(CommandContext& ctx, SortedSetHandle& set, ScoreEnd end, std::size_t count,
                 const KeyRef& key, bool is_nested) {
  const bool takes_max = end == ScoreEnd::kMax;
  const RankRange ranks{takes_max ? set.Size() - count : 0, count};
  set.Visit(ranks, takes_max, [&](const ScoredMember& item) {
    if (is_nested) ctx.reply.Array(2);
    ctx.reply.Bulk(item.member);
    ctx.reply.Double(item.score);
  });
  set.DeleteRanks(ranks);
  ctx.KeyChanged(key, config::kNotifyZset, takes_max ? "zpopmax" : "zpopmin");
  DeleteIfEmpty(ctx, set, key);
}

void Pop(CommandContext& ctx, ScoreEnd end) {
  if (ctx.args.size() > 3) {
    ctx.SyntaxError();
    return;
  }
  const bool has_count = ctx.args.size() == 3;
  std::int64_t count = 1;
  if (has_count && !ReadCount(ctx, 2, count)) return;
  auto opened = OpenToWrite<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle || count == 0) {
    ctx.reply.Array(0);
    return;
  }
  const std::size_t taken = std::min(static_cast<std::size_t>(count), opened.handle->Size());
  const bool is_nested = has_count && ctx.reply.IsResp3();
  ctx.reply.Array(is_nested ? taken : 2 * taken);
  PopAndReply(ctx, *opened.handle, end, taken, ctx.Key(1), is_nested);
}

void ZpopminCommand(CommandContext& ctx) { Pop(ctx, ScoreEnd::kMin); }
void ZpopmaxCommand(CommandContext& ctx) { Pop(ctx, ScoreEnd::kMax); }

bool WaitForSets(CommandContext& ctx, std::size_t first, std::size_t count,
                 std::int64_t deadline_ms) {
  return ctx.WaitFor({.type = ValueType::kZset,
                      .keys = ctx.args.subspan(first, count),
                      .deadline_ms = deadline_ms});
}

// BZPOPMIN key [key ...] timeout
void PopOrWait(CommandContext& ctx, ScoreEnd end) {
  const std::size_t keys_end = ctx.args.size() - 1;
  std::int64_t deadline_ms = 0;
  if (!ReadWaitSeconds(ctx, keys_end, deadline_ms)) return;
  for (std::size_t i = 1; i < keys_end; ++i) {
    auto opened = OpenToWrite<SortedSetHandle>(ctx, i);
    if (opened.is_wrong_type) return;
    if (!opened.handle) continue;
    const KeyRef key = ctx.Key(i);
    ctx.reply.Array(3);
    ctx.reply.Bulk(key.key);
    PopAndReply(ctx, *opened.handle, end, 1, key, false);
    ctx.PropagateAs({PopCommand(end), key.key});
    return;
  }
  if (!WaitForSets(ctx, 1, keys_end - 1, deadline_ms)) ctx.reply.NullArray();
}

void BzpopminCommand(CommandContext& ctx) { PopOrWait(ctx, ScoreEnd::kMin); }
void BzpopmaxCommand(CommandContext& ctx) { PopOrWait(ctx, ScoreEnd::kMax); }

struct ManyPop {
  std::int64_t key_count = 0;
  ScoreEnd end = ScoreEnd::kMin;
  std::int64_t count = 1;
};

// numkeys key... MIN|MAX [COUNT count], numkeys being args[first].
bool ReadManyPop(CommandContext& ctx, std::size_t first, ManyPop& pop) {
  if (!ReadIntegerIn(ctx, first, 1, kNoLimit, pop.key_count,
                     "ERR numkeys should be greater than 0")) {
    return false;
  }
  const auto keys_end = static_cast<std::uint64_t>(pop.key_count) + first + 1;
  if (keys_end >= ctx.args.size()) {
    ctx.SyntaxError();
    return false;
  }
  ArgumentReader reader(ctx, keys_end);
  if (reader.TakeWord("max")) {
    pop.end = ScoreEnd::kMax;
  } else if (!reader.TakeWord("min")) {
    reader.FailSyntax();
  }
  if (reader.HasMore()) {
    if (reader.TakeWord("count", 1)) {
      pop.count = reader.TakeIntegerIn(1, kNoLimit, "ERR count should be greater than 0");
    }
    if (reader.HasMore()) reader.FailSyntax();
  }
  return reader.Finish();
}

// The keys begin at args[keys_at]. False, without an answer, when no set has anything.
bool PopMany(CommandContext& ctx, std::size_t keys_at, const ManyPop& pop) {
  for (std::int64_t i = 0; i < pop.key_count; ++i) {
    const std::size_t index = static_cast<std::size_t>(i) + keys_at;
    auto opened = OpenToWrite<SortedSetHandle>(ctx, index);
    if (opened.is_wrong_type) return true;
    if (!opened.handle) continue;
    const KeyRef key = ctx.Key(index);
    const std::size_t taken = std::min(static_cast<std::size_t>(pop.count), opened.handle->Size());
    ctx.reply.Array(2);
    ctx.reply.Bulk(key.key);
    ctx.reply.Array(taken);
    PopAndReply(ctx, *opened.handle, pop.end, taken, key, true);
    ctx.PropagateAs({PopCommand(pop.end), key.key, std::to_string(taken)});
    return true;
  }
  return false;
}

void ZmpopCommand(CommandContext& ctx) {
  ManyPop pop;
  if (ReadManyPop(ctx, 1, pop) && !PopMany(ctx, 2, pop)) ctx.reply.NullArray();
}

void BzmpopCommand(CommandContext& ctx) {
  std::int64_t deadline_ms = 0;
  ManyPop pop;
  if (!ReadManyPop(ctx, 2, pop) || !ReadWaitSeconds(ctx, 1, deadline_ms)) return;
  if (PopMany(ctx, 3, pop)) return;
  if (!WaitForSets(ctx, 3, static_cast<std::size_t>(pop.key_count), deadline_ms)) {
    ctx.reply.NullArray();
  }
}

}  // namespace

std::span<const HandlerRow> SortedSetPopHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"zpopmin", &ZpopminCommand},   {"zpopmax", &ZpopmaxCommand},   {"zmpop", &ZmpopCommand},
      {"bzpopmin", &BzpopminCommand}, {"bzpopmax", &BzpopmaxCommand}, {"bzmpop", &BzmpopCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
