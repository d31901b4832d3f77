// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/list_ends.h"

#include "storage/commands/encoding_limits.h"
#include "storage/commands/opened_key.h"

namespace slotway::storage {

bool ReadListEnd(CommandContext& ctx, std::size_t index, ListEnd& end) {
  if (index < ctx.args.size() && EqualsNoCase(ctx.args[index], "left")) {
    end = ListEnd::kLeft;
  } else if (index < ctx.args.size() && EqualsNoCase(ctx.args[index], "right")) {
    end = ListEnd::kRight;
  } else {
    ctx.SyntaxError();
    return false;
  }
  return true;
}

void PushAll(ListHandle& list, ListEnd end, std::span<const std::string_view> texts,
             const ListLimits& limits) {
  std::size_t text_bytes = 0;
  for (std::string_view text : texts) text_bytes += text.size();
  list.MakeRoom(text_bytes, texts.size(), limits);
  for (std::string_view text : texts) {
    end == ListEnd::kLeft ? list.PushFront(text, limits) : list.PushBack(text, limits);
  }
}

void PopAndReply(CommandContext& ctx, ListHandle& list, ListEnd end, std::size_t count,
                 const KeyRef& key) {
  if (end == ListEnd::kLeft) {
    ReplyElements(ctx, list, 0, count);
    list.EraseRange(0, count);
  } else {
    NumberText buffer;
    ListHandle::Position at = list.End();
    for (std::size_t i = 0; i < count; ++i) {
      at = list.Previous(at);
      ctx.reply.Bulk(list.At(at).Text(buffer));
    }
    list.EraseRange(list.Size() - count, count);
  }
  ctx.KeyChanged(key, config::kNotifyList, PopEvent(end));
  if (!DeleteIfEmpty(ctx, list, key)) list.GiveRoomBack(ListLimitsOf(ctx.server.Config()));
}

void ReplyElements(CommandContext& ctx, const ListHandle& list, std::size_t first,
                   std::size_t count) {
  NumberText buffer;
  ListHandle::Position at = list.Seek(static_cast<std::int64_t>(first));
  for (std::size_t i = 0; i < count; ++i) {
    ctx.reply.Bulk(list.At(at).Text(buffer));
    at = list.Next(at);
  }
}

}  // namespace slotway::storage
