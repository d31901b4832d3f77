// SPDX-License-Identifier: Apache-2.0
// Strings read and changed piecewise: GET, MGET, STRLEN, GETRANGE, SUBSTR, SETRANGE, APPEND.
#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/string_length.h"

namespace slotway::storage {
namespace {

void GetCommand(CommandContext& ctx) {
  Entry entry = ctx.FindToRead(ctx.Key(1));
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  if (!entry) {
    ctx.reply.Null();
    return;
  }
  NumberText buffer;
  ctx.reply.Bulk(StringText(entry, buffer));
}

void MgetCommand(CommandContext& ctx) {
  constexpr std::size_t kBatch = 32;
  std::array<KeyRef, kBatch> keys;
  ctx.reply.Array(ctx.args.size() - 1);
  for (std::size_t first = 1; first < ctx.args.size(); first += kBatch) {
    std::size_t count = std::min(kBatch, ctx.args.size() - first);
    for (std::size_t i = 0; i < count; ++i) keys[i] = ctx.Key(first + i);
    if (count > 1) ctx.db.Prefetch(std::span(keys.data(), count));
    for (std::size_t i = 0; i < count; ++i) {
      Entry entry = ctx.FindToRead(keys[i]);
      if (!entry || entry.type() != ValueType::kString) {
        ctx.reply.Null();
        continue;
      }
      NumberText buffer;
      ctx.reply.Bulk(StringText(entry, buffer));
    }
  }
}

void StrlenCommand(CommandContext& ctx) {
  Entry entry = ctx.FindToRead(ctx.Key(1));
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  ctx.reply.Integer(entry ? static_cast<std::int64_t>(StringLength(entry)) : 0);
}

// GETRANGE and its old name SUBSTR.
void GetrangeCommand(CommandContext& ctx) {
  std::int64_t start = 0;
  std::int64_t end = 0;
  if (!ReadInteger(ctx, 2, start) || !ReadInteger(ctx, 3, end)) return;
  Entry entry = ctx.FindToRead(ctx.Key(1));
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  if (!entry) {
    ctx.reply.Bulk("");
    return;
  }
  NumberText buffer;
  std::string_view text = StringText(entry, buffer);
  auto length = static_cast<std::int64_t>(text.size());
  bool is_reversed = start < 0 && end < 0 && start > end;
  if (start < 0) start = std::max<std::int64_t>(start + length, 0);
  if (end < 0) end = std::max<std::int64_t>(end + length, 0);
  end = std::min(end, length - 1);
  if (is_reversed || start > end || length == 0) {
    ctx.reply.Bulk("");
    return;
  }
  ctx.reply.Bulk(
      text.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start + 1)));
}

void SetrangeCommand(CommandContext& ctx) {
  std::int64_t offset = 0;
  if (!ReadInteger(ctx, 2, offset)) return;
  if (offset < 0) {
    ctx.Error("ERR offset is out of range");
    return;
  }
  KeyRef key = ctx.Key(1);
  std::string_view value = ctx.args[3];
  Entry entry = ctx.FindToWrite(key);
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  std::size_t old_length = entry ? StringLength(entry) : 0;
  if (value.empty()) {
    ctx.reply.Integer(static_cast<std::int64_t>(old_length));
    return;
  }
  std::uint64_t end = static_cast<std::uint64_t>(offset) + value.size();
  if (!CheckStringLength(ctx, end)) return;
  if (!entry) entry = ctx.db.SetString(key.slot, key.key, "", TtlChange::Clear(), ctx.now_ms);
  std::size_t length = std::max<std::size_t>(old_length, end);
  entry = ctx.db.ResizeString(entry, length);
  std::memcpy(ctx.db.MutableBytes(entry).data() + offset, value.data(), value.size());
  ctx.KeyChanged(key, config::kNotifyString, "setrange");
  ctx.reply.Integer(static_cast<std::int64_t>(length));
}

void AppendCommand(CommandContext& ctx) {
  KeyRef key = ctx.Key(1);
  std::string_view suffix = ctx.args[2];
  Entry entry = ctx.FindToWrite(key);
  if (!ctx.CheckType(entry, ValueType::kString)) return;
  if (!entry) {
    ctx.db.SetString(key.slot, key.key, suffix, TtlChange::Clear(), ctx.now_ms);
    ctx.KeyChanged(key, config::kNotifyString, "append");
    ctx.reply.Integer(static_cast<std::int64_t>(suffix.size()));
    return;
  }
  std::size_t length = StringLength(entry) + suffix.size();
  if (!CheckStringLength(ctx, length)) return;
  ctx.db.AppendString(entry, suffix);
  ctx.KeyChanged(key, config::kNotifyString, "append");
  ctx.reply.Integer(static_cast<std::int64_t>(length));
}

}  // namespace

std::span<const HandlerRow> StringHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"get", &GetCommand},           {"mget", &MgetCommand},       {"strlen", &StrlenCommand},
      {"getrange", &GetrangeCommand}, {"substr", &GetrangeCommand}, {"setrange", &SetrangeCommand},
      {"append", &AppendCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
