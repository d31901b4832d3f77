// SPDX-License-Identifier: Apache-2.0
// Lists at their ends and by index: LPUSH, RPUSH and their X forms, LPOP, RPOP, LLEN, LINDEX, LSET,
// LRANGE, LTRIM.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/list_ends.h"
#include "storage/commands/opened_key.h"
#include "storage/engine/list_handle.h"

namespace slotway::storage {
namespace {

void Push(CommandContext& ctx, ListEnd end, bool only_if_present) {
  auto opened = OpenToWrite<ListHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle && only_if_present) {
    ctx.reply.Integer(0);
    return;
  }
  KeyRef key = ctx.Key(1);
  ListHandle list = HandleOrNew(ctx, opened, key);
  PushAll(list, end, ctx.args.subspan(2), ListLimitsOf(ctx.server.Config()));
  ctx.KeyChanged(key, config::kNotifyList, PushEvent(end));
  ctx.reply.Integer(static_cast<std::int64_t>(list.Size()));
}

void LpushCommand(CommandContext& ctx) { Push(ctx, ListEnd::kLeft, false); }
void RpushCommand(CommandContext& ctx) { Push(ctx, ListEnd::kRight, false); }
void LpushxCommand(CommandContext& ctx) { Push(ctx, ListEnd::kLeft, true); }
void RpushxCommand(CommandContext& ctx) { Push(ctx, ListEnd::kRight, true); }

void Pop(CommandContext& ctx, ListEnd end) {
  bool has_count = ctx.args.size() == 3;
  if (ctx.args.size() > 3) {
    ctx.ArityError();
    return;
  }
  std::int64_t count = 1;
  if (has_count && !ReadCount(ctx, 2, count)) return;
  auto opened = OpenToWrite<ListHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    has_count ? ctx.reply.NullArray() : ctx.reply.Null();
    return;
  }
  std::size_t taken = std::min(static_cast<std::size_t>(count), opened.handle->Size());
  if (has_count) ctx.reply.Array(taken);
  if (taken > 0) PopAndReply(ctx, *opened.handle, end, taken, ctx.Key(1));
}

void LpopCommand(CommandContext& ctx) { Pop(ctx, ListEnd::kLeft); }
void RpopCommand(CommandContext& ctx) { Pop(ctx, ListEnd::kRight); }

void LlenCommand(CommandContext& ctx) {
  auto opened = OpenToRead<ListHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Integer(opened.handle ? static_cast<std::int64_t>(opened.handle->Size()) : 0);
}

void LindexCommand(CommandContext& ctx) {
  auto opened = OpenToRead<ListHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    ctx.reply.Null();
    return;
  }
  std::int64_t index = 0;
  if (!ReadInteger(ctx, 2, index)) return;
  const ListHandle& list = *opened.handle;
  ListHandle::Position at = list.Seek(index);
  if (list.IsEnd(at)) {
    ctx.reply.Null();
  } else {
    NumberText buffer;
    ctx.reply.Bulk(list.At(at).Text(buffer));
  }
}

void LsetCommand(CommandContext& ctx) {
  auto opened = OpenToWrite<ListHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    ctx.Error(protocol::error_text::kNoSuchKey);
    return;
  }
  std::int64_t index = 0;
  if (!ReadInteger(ctx, 2, index)) return;
  ListHandle& list = *opened.handle;
  ListLimits limits = ListLimitsOf(ctx.server.Config());
  list.MakeRoom(ctx.args[3].size(), 1, limits);
  ListHandle::Position at = list.Seek(index);
  if (list.IsEnd(at)) {
    ctx.Error("ERR index out of range");
    return;
  }
  list.Replace(at, ctx.args[3], limits);
  list.GiveRoomBack(limits);
  ctx.KeyChanged(ctx.Key(1), config::kNotifyList, "lset");
  ctx.reply.Ok();
}

// The elements from index `first` to `last`, both counted from the end when negative.
struct IndexRange {
  std::size_t first = 0;
  std::size_t count = 0;

  IndexRange(std::int64_t from, std::int64_t to, std::size_t size) {
    const auto length = static_cast<std::int64_t>(size);
    if (from < 0) from = std::max<std::int64_t>(from + length, 0);
    if (to < 0) to += length;
    to = std::min(to, length - 1);
    if (from > to) return;
    first = static_cast<std::size_t>(from);
    count = static_cast<std::size_t>(to - from + 1);
  }
};

void LrangeCommand(CommandContext& ctx) {
  std::int64_t from = 0;
  std::int64_t to = 0;
  if (!ReadInteger(ctx, 2, from) || !ReadInteger(ctx, 3, to)) return;
  auto opened = OpenToRead<ListHandle>(ctx);
  if (opened.is_wrong_type) return;
  IndexRange range(from, to, opened.handle ? opened.handle->Size() : 0);
  ctx.reply.Array(range.count);
  if (range.count > 0) ReplyElements(ctx, *opened.handle, range.first, range.count);
}

void LtrimCommand(CommandContext& ctx) {
  std::int64_t from = 0;
  std::int64_t to = 0;
  if (!ReadInteger(ctx, 2, from) || !ReadInteger(ctx, 3, to)) return;
  auto opened = OpenToWrite<ListHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (opened.handle) {
    ListHandle& list = *opened.handle;
    KeyRef key = ctx.Key(1);
    IndexRange kept(from, to, list.Size());
    list.EraseRange(kept.first + kept.count, list.Size());
    list.EraseRange(0, kept.first);
    ctx.KeyChanged(key, config::kNotifyList, "ltrim");
    if (!DeleteIfEmpty(ctx, list, key)) list.GiveRoomBack(ListLimitsOf(ctx.server.Config()));
  }
  ctx.reply.Ok();
}

}  // namespace

std::span<const HandlerRow> ListHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"lpush", &LpushCommand},   {"rpush", &RpushCommand},   {"lpushx", &LpushxCommand},
      {"rpushx", &RpushxCommand}, {"lpop", &LpopCommand},     {"rpop", &RpopCommand},
      {"llen", &LlenCommand},     {"lindex", &LindexCommand}, {"lset", &LsetCommand},
      {"lrange", &LrangeCommand}, {"ltrim", &LtrimCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
