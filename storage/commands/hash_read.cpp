// SPDX-License-Identifier: Apache-2.0
// Hashes read: HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HSTRLEN, HEXISTS.
#include <cstdint>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/hash_access.h"

namespace slotway::storage {
namespace {

void HgetCommand(CommandContext& ctx) {
  OpenedHash opened = OpenHashToRead(ctx);
  if (opened.is_wrong_type) return;
  auto value = opened.hash ? opened.hash->Get(ctx.args[2]) : std::nullopt;
  if (value) {
    ctx.reply.Bulk(*value);
  } else {
    ctx.reply.Null();
  }
}

void HmgetCommand(CommandContext& ctx) {
  OpenedHash opened = OpenHashToRead(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Array(ctx.args.size() - 2);
  for (std::string_view field : ctx.args.subspan(2)) {
    auto value = opened.hash ? opened.hash->Get(field) : std::nullopt;
    if (value) {
      ctx.reply.Bulk(*value);
    } else {
      ctx.reply.Null();
    }
  }
}

void HgetallCommand(CommandContext& ctx) {
  OpenedHash opened = OpenHashToRead(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Map(opened.hash ? opened.hash->Size() : 0);
  if (!opened.hash) return;
  opened.hash->ForEach([&ctx](std::string_view field, std::string_view value) {
    ctx.reply.Bulk(field);
    ctx.reply.Bulk(value);
  });
}

void HkeysCommand(CommandContext& ctx) {
  OpenedHash opened = OpenHashToRead(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Array(opened.hash ? opened.hash->Size() : 0);
  if (!opened.hash) return;
  opened.hash->ForEach([&ctx](std::string_view field, std::string_view) { ctx.reply.Bulk(field); });
}

void HvalsCommand(CommandContext& ctx) {
  OpenedHash opened = OpenHashToRead(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Array(opened.hash ? opened.hash->Size() : 0);
  if (!opened.hash) return;
  opened.hash->ForEach([&ctx](std::string_view, std::string_view value) { ctx.reply.Bulk(value); });
}

void HlenCommand(CommandContext& ctx) {
  OpenedHash opened = OpenHashToRead(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Integer(opened.hash ? static_cast<std::int64_t>(opened.hash->Size()) : 0);
}

void HstrlenCommand(CommandContext& ctx) {
  OpenedHash opened = OpenHashToRead(ctx);
  if (opened.is_wrong_type) return;
  auto value = opened.hash ? opened.hash->Get(ctx.args[2]) : std::nullopt;
  ctx.reply.Integer(value ? static_cast<std::int64_t>(value->size()) : 0);
}

void HexistsCommand(CommandContext& ctx) {
  OpenedHash opened = OpenHashToRead(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Integer(opened.hash && opened.hash->Get(ctx.args[2]) ? 1 : 0);
}

}  // namespace

std::span<const HandlerRow> HashReadHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"hget", &HgetCommand},       {"hmget", &HmgetCommand},     {"hgetall", &HgetallCommand},
      {"hkeys", &HkeysCommand},     {"hvals", &HvalsCommand},     {"hlen", &HlenCommand},
      {"hstrlen", &HstrlenCommand}, {"hexists", &HexistsCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
