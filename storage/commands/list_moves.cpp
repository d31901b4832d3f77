// SPDX-License-Identifier: Apache-2.0
// Elements that leave one list for another or for the client, whichever list has one: LMOVE,
// RPOPLPUSH, LMPOP, and those that wait until there is one: BLPOP, BRPOP, BLMOVE, BRPOPLPUSH,
// BLMPOP.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/list_ends.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/wait_deadline.h"
#include "storage/engine/list_handle.h"

namespace slotway::storage {
namespace {

// Takes the element at an end away. REQUIRES: the list has one.
std::string TakeFrom(ListHandle& list, ListEnd end) {
  NumberText buffer;
  const auto at = end == ListEnd::kLeft ? list.Begin() : list.Previous(list.End());
  std::string text(list.At(at).Text(buffer));
  list.Erase(at);
  return text;
}

void Push(ListHandle& list, ListEnd end, std::string_view text, const ListLimits& limits) {
  PushAll(list, end, std::span(&text, 1), limits);
}

// False, without an answer, when there is nothing to move.
bool Move(CommandContext& ctx, ListEnd from_end, ListEnd to_end) {
  KeyRef from = ctx.Key(1);
  KeyRef to = ctx.Key(2);
  // First the target: looking it up may remove it, which ends the view of the source.
  Entry target_entry = ctx.Peek(to);
  auto source = OpenToWrite<ListHandle>(ctx, 1);
  if (source.is_wrong_type) return true;
  if (!source.handle) return false;
  if (!ctx.CheckType(target_entry, ListHandle::kType)) return true;
  const ListLimits limits = ListLimitsOf(ctx.server.Config());
  ListHandle list = *source.handle;
  const std::string text = TakeFrom(list, from_end);
  if (from.key == to.key) {
    Push(list, to_end, text, limits);
  } else {
    // Found again: taking from the source may have moved records.
    ListHandle target = HandleOrNew(ctx, OpenToWrite<ListHandle>(ctx, 2), to);
    Push(target, to_end, text, limits);
    list = ListHandle(ctx.db, ctx.Peek(from));
  }
  ctx.KeyChanged(to, config::kNotifyList, PushEvent(to_end));
  ctx.KeyChanged(from, config::kNotifyList, PopEvent(from_end));
  if (!DeleteIfEmpty(ctx, list, from)) list.GiveRoomBack(limits);
  ctx.reply.Bulk(text);
  return true;
}

void LmoveCommand(CommandContext& ctx) {
  ListEnd from = ListEnd::kLeft;
  ListEnd to = ListEnd::kLeft;
  if (!ReadListEnd(ctx, 3, from) || !ReadListEnd(ctx, 4, to)) return;
  if (!Move(ctx, from, to)) ctx.reply.Null();
}

void RpoplpushCommand(CommandContext& ctx) {
  if (!Move(ctx, ListEnd::kRight, ListEnd::kLeft)) ctx.reply.Null();
}

bool WaitForLists(CommandContext& ctx, std::size_t first, std::size_t count,
                  std::int64_t deadline_ms) {
  return ctx.WaitFor({.type = ValueType::kList,
                      .keys = ctx.args.subspan(first, count),
                      .deadline_ms = deadline_ms});
}

void MoveOrWait(CommandContext& ctx, ListEnd from, ListEnd to, std::size_t timeout_index) {
  std::int64_t deadline_ms = 0;
  if (!ReadWaitSeconds(ctx, timeout_index, deadline_ms)) return;
  if (Move(ctx, from, to)) {
    // Without the timeout it is the command that does not wait.
    std::vector<std::string_view> words(ctx.args.begin(), ctx.args.begin() + timeout_index);
    words[0] = timeout_index == 3 ? "RPOPLPUSH" : "LMOVE";
    if (!ctx.has_failed) ctx.PropagateAs(words);
    return;
  }
  if (!WaitForLists(ctx, 1, 1, deadline_ms)) ctx.reply.Null();
}

void BlmoveCommand(CommandContext& ctx) {
  ListEnd from = ListEnd::kLeft;
  ListEnd to = ListEnd::kLeft;
  if (ReadListEnd(ctx, 3, from) && ReadListEnd(ctx, 4, to)) MoveOrWait(ctx, from, to, 5);
}

void BrpoplpushCommand(CommandContext& ctx) { MoveOrWait(ctx, ListEnd::kRight, ListEnd::kLeft, 3); }

// BLPOP key [key ...] timeout
void PopOrWait(CommandContext& ctx, ListEnd end) {
  const std::size_t keys_end = ctx.args.size() - 1;
  std::int64_t deadline_ms = 0;
  if (!ReadWaitSeconds(ctx, keys_end, deadline_ms)) return;
  for (std::size_t i = 1; i < keys_end; ++i) {
    auto opened = OpenToWrite<ListHandle>(ctx, i);
    if (opened.is_wrong_type) return;
    if (!opened.handle) continue;
    ctx.reply.Array(2);
    ctx.reply.Bulk(ctx.args[i]);
    PopAndReply(ctx, *opened.handle, end, 1, ctx.Key(i));
    ctx.PropagateAs({PopCommand(end), ctx.args[i]});
    return;
  }
  if (!WaitForLists(ctx, 1, keys_end - 1, deadline_ms)) ctx.reply.NullArray();
}

void BlpopCommand(CommandContext& ctx) { PopOrWait(ctx, ListEnd::kLeft); }
void BrpopCommand(CommandContext& ctx) { PopOrWait(ctx, ListEnd::kRight); }

struct ManyPop {
  std::size_t keys_at = 0;
  std::size_t key_count = 0;
  ListEnd end = ListEnd::kLeft;
  std::size_t count = 1;
};

// numkeys key [key ...] <LEFT | RIGHT> [COUNT count], numkeys being args[first].
bool ReadManyPop(CommandContext& ctx, std::size_t first, ManyPop& pop) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::int64_t key_count = 0;
  if (!ReadIntegerIn(ctx, first, 1, kMax, key_count, "ERR numkeys should be greater than 0")) {
    return false;
  }
  pop.keys_at = first + 1;
  pop.key_count = static_cast<std::size_t>(key_count);
  if (pop.key_count > ctx.args.size() - first - 2) {
    ctx.SyntaxError();
    return false;
  }
  const std::size_t end_at = pop.keys_at + pop.key_count;
  if (!ReadListEnd(ctx, end_at, pop.end)) return false;
  ArgumentReader reader(ctx, end_at + 1);
  bool has_count = false;
  while (reader.HasMore()) {
    if (!has_count && reader.TakeWord("count", 1)) {
      has_count = true;
      pop.count = static_cast<std::size_t>(
          reader.TakeIntegerIn(1, kMax, "ERR count should be greater than 0"));
    } else {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

// False, without an answer, when no list has anything.
bool PopMany(CommandContext& ctx, const ManyPop& pop) {
  for (std::size_t i = pop.keys_at; i < pop.keys_at + pop.key_count; ++i) {
    auto opened = OpenToWrite<ListHandle>(ctx, i);
    if (opened.is_wrong_type) return true;
    if (!opened.handle) continue;
    const std::size_t taken = std::min(pop.count, opened.handle->Size());
    ctx.reply.Array(2);
    ctx.reply.Bulk(ctx.args[i]);
    ctx.reply.Array(taken);
    PopAndReply(ctx, *opened.handle, pop.end, taken, ctx.Key(i));
    ctx.PropagateAs({PopCommand(pop.end), ctx.args[i], std::to_string(taken)});
    return true;
  }
  return false;
}

void LmpopCommand(CommandContext& ctx) {
  ManyPop pop;
  if (ReadManyPop(ctx, 1, pop) && !PopMany(ctx, pop)) ctx.reply.NullArray();
}

void BlmpopCommand(CommandContext& ctx) {
  std::int64_t deadline_ms = 0;
  ManyPop pop;
  if (!ReadManyPop(ctx, 2, pop) || !ReadWaitSeconds(ctx, 1, deadline_ms)) return;
  if (PopMany(ctx, pop)) return;
  if (!WaitForLists(ctx, pop.keys_at, pop.key_count, deadline_ms)) ctx.reply.NullArray();
}

}  // namespace

std::span<const HandlerRow> ListMoveHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"lmove", &LmoveCommand},   {"rpoplpush", &RpoplpushCommand},
      {"lmpop", &LmpopCommand},   {"blmove", &BlmoveCommand},
      {"blpop", &BlpopCommand},   {"brpoplpush", &BrpoplpushCommand},
      {"blmpop", &BlmpopCommand}, {"brpop", &BrpopCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
