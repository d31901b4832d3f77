// SPDX-License-Identifier: Apache-2.0
// Elements that leave one list for another or for the client, whichever list has one: LMOVE,
// RPOPLPUSH, LMPOP.
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

void Move(CommandContext& ctx, ListEnd from_end, ListEnd to_end) {
  KeyRef from = ctx.Key(1);
  KeyRef to = ctx.Key(2);
  // First the target: looking it up may remove it, which ends the view of the source.
  Entry target_entry = ctx.Peek(to);
  auto source = OpenToWrite<ListHandle>(ctx, 1);
  if (source.is_wrong_type) return;
  if (!source.handle) {
    ctx.reply.Null();
    return;
  }
  if (!ctx.CheckType(target_entry, ListHandle::kType)) return;
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
}

void LmoveCommand(CommandContext& ctx) {
  ListEnd from = ListEnd::kLeft;
  ListEnd to = ListEnd::kLeft;
  if (ReadListEnd(ctx, 3, from) && ReadListEnd(ctx, 4, to)) Move(ctx, from, to);
}

void RpoplpushCommand(CommandContext& ctx) { Move(ctx, ListEnd::kRight, ListEnd::kLeft); }

// LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count]
void LmpopCommand(CommandContext& ctx) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::int64_t key_count = 0;
  if (!ReadIntegerIn(ctx, 1, 1, kMax, key_count, "ERR numkeys should be greater than 0")) return;
  const auto keys = static_cast<std::size_t>(key_count);
  if (keys > ctx.args.size() - 3) {
    ctx.SyntaxError();
    return;
  }
  ListEnd end = ListEnd::kLeft;
  if (!ReadListEnd(ctx, 2 + keys, end)) return;
  std::int64_t count = -1;
  ArgumentReader reader(ctx, 3 + keys);
  while (reader.HasMore()) {
    if (count < 0 && reader.TakeWord("count", 1)) {
      count = reader.TakeIntegerIn(1, kMax, "ERR count should be greater than 0");
    } else {
      reader.FailSyntax();
    }
  }
  if (!reader.Finish()) return;
  for (std::size_t i = 2; i < 2 + keys; ++i) {
    auto opened = OpenToWrite<ListHandle>(ctx, i);
    if (opened.is_wrong_type) return;
    if (!opened.handle) continue;
    const std::size_t taken = std::min(static_cast<std::size_t>(count < 0 ? 1 : count),
                                       opened.handle->Size());
    ctx.reply.Array(2);
    ctx.reply.Bulk(ctx.args[i]);
    ctx.reply.Array(taken);
    PopAndReply(ctx, *opened.handle, end, taken, ctx.Key(i));
    return;
  }
  ctx.reply.NullArray();
}

}  // namespace

std::span<const HandlerRow> ListMoveHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"lmove", &LmoveCommand}, {"rpoplpush", &RpoplpushCommand}, {"lmpop", &LmpopCommand}};
  return kRows;
}

}  // namespace slotway::storage
