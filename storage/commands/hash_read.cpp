// SPDX-License-Identifier: Apache-2.0
// Hashes read: HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HSTRLEN, HEXISTS.
#include <cstdint>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/engine/hash_handle.h"

namespace slotway::storage {
namespace {

void HgetCommand(CommandContext& ctx) {
  auto opened = OpenToRead<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  auto value = opened.handle ? opened.handle->Get(ctx.args[2]) : std::nullopt;
  if (value) {
    ctx.reply.Bulk(*value);
  } else {
    ctx.reply.Null();
  }
}

void HmgetCommand(CommandContext& ctx) {
  auto opened = OpenToRead<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Array(ctx.args.size() - 2);
  for (std::string_view field : ctx.args.subspan(2)) {
    auto value = opened.handle ? opened.handle->Get(field) : std::nullopt;
    if (value) {
      ctx.reply.Bulk(*value);
    } else {
      ctx.reply.Null();
    }
  }
}

void HgetallCommand(CommandContext& ctx) {
  auto opened = OpenToRead<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Map(opened.handle ? opened.handle->Size() : 0);
  if (!opened.handle) return;
  opened.handle->ForEach([&ctx](std::string_view field, std::string_view value) {
    ctx.reply.Bulk(field);
    ctx.reply.Bulk(value);
  });
}

void HkeysCommand(CommandContext& ctx) {
  auto opened = OpenToRead<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Array(opened.handle ? opened.handle->Size() : 0);
  if (!opened.handle) return;
  opened.handle->ForEach([&ctx](std::string_view field, std::string_view) { ctx.reply.Bulk(field); });
}

void HvalsCommand(CommandContext& ctx) {
  auto opened = OpenToRead<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Array(opened.handle ? opened.handle->Size() : 0);
  if (!opened.handle) return;
  opened.handle->ForEach([&ctx](std::string_view, std::string_view value) { ctx.reply.Bulk(value); });
}

void HlenCommand(CommandContext& ctx) {
  auto opened = OpenToRead<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Integer(opened.handle ? static_cast<std::int64_t>(opened.handle->Size()) : 0);
}

void HstrlenCommand(CommandContext& ctx) {
  auto opened = OpenToRead<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  auto value = opened.handle ? opened.handle->Get(ctx.args[2]) : std::nullopt;
  ctx.reply.Integer(value ? static_cast<std::int64_t>(value->size()) : 0);
}

void HexistsCommand(CommandContext& ctx) {
  auto opened = OpenToRead<HashHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Integer(opened.handle && opened.handle->Get(ctx.args[2]) ? 1 : 0);
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
