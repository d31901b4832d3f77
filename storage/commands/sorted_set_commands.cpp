// SPDX-License-Identifier: Apache-2.0
// Sorted sets written, member by member: ZADD, ZINCRBY, ZREM.
#include <cstdint>
#include <span>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/sorted_set_add.h"
#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {
namespace {

// Answers an error and returns false if it is no score.
bool ReadScore(CommandContext& ctx, std::string_view text, double& score) {
  const auto number = ParseDouble(text);
  if (!number) {
    ctx.Error(protocol::error_text::kNotFloat);
    return false;
  }
  score = *number;
  return true;
}

// The options of ZADD; returns the index of the first score, or 0 after an error.
std::size_t ReadAddOptions(CommandContext& ctx, AddOptions& options) {
  ArgumentReader reader(ctx, 2);
  while (reader.HasMore()) {
    if (reader.TakeWord("nx")) {
      options.only_new = true;
    } else if (reader.TakeWord("xx")) {
      options.only_existing = true;
    } else if (reader.TakeWord("ch")) {
      options.counts_changed = true;
    } else if (reader.TakeWord("incr")) {
      options.increments = true;
    } else if (reader.TakeWord("gt")) {
      options.only_greater = true;
    } else if (reader.TakeWord("lt")) {
      options.only_less = true;
    } else {
      break;
    }
  }
  const bool compares = options.only_greater || options.only_less;
  if (reader.Left() == 0 || reader.Left() % 2 != 0) {
    reader.FailSyntax();
  } else if (options.only_new && options.only_existing) {
    reader.Fail("ERR XX and NX options at the same time are not compatible");
  } else if ((compares && options.only_new) || (options.only_greater && options.only_less)) {
    reader.Fail("ERR GT, LT, and/or NX options at the same time are not compatible");
  } else if (options.increments && reader.Left() > 2) {
    reader.Fail("ERR INCR option supports a single increment-element pair");
  }
  return reader.Finish() ? reader.Position() : 0;
}

void ZaddCommand(CommandContext& ctx) {
  AddOptions options;
  const std::size_t first = ReadAddOptions(ctx, options);
  if (first == 0) return;
  const std::size_t count = (ctx.args.size() - first) / 2;
  ScoredMember single{};
  std::vector<ScoredMember> several(count > 1 ? count : 0);
  const std::span<ScoredMember> items = count > 1 ? std::span(several) : std::span(&single, 1);
  for (std::size_t i = 0; i < count; ++i) {
    items[i].member = ctx.args[first + 2 * i + 1];
    if (!ReadScore(ctx, ctx.args[first + 2 * i], items[i].score)) return;
  }
  AddMembers(ctx, options, items);
}

void ZincrbyCommand(CommandContext& ctx) {
  ScoredMember item{0, ctx.args[3]};
  if (!ReadScore(ctx, ctx.args[2], item.score)) return;
  AddMembers(ctx, {.increments = true}, std::span(&item, 1));
}

void ZremCommand(CommandContext& ctx) {
  const KeyRef key = ctx.Key(1);
  auto opened = OpenToWrite<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  std::int64_t deleted = 0;
  if (opened.handle) {
    for (std::size_t i = 2; i < ctx.args.size() && opened.handle->Size() > 0; ++i) {
      if (opened.handle->Delete(ctx.args[i])) ++deleted;
    }
    if (deleted > 0) {
      ctx.KeyChanged(key, config::kNotifyZset, "zrem");
      DeleteIfEmpty(ctx, *opened.handle, key);
    }
  }
  ctx.reply.Integer(deleted);
}

}  // namespace

std::span<const HandlerRow> SortedSetHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"zadd", &ZaddCommand}, {"zincrby", &ZincrbyCommand}, {"zrem", &ZremCommand}};
  return kRows;
}

}  // namespace slotway::storage
