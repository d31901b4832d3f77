// SPDX-License-Identifier: Apache-2.0
// Sets, member by member: SADD, SREM, SMOVE, SISMEMBER, SMISMEMBER, SCARD, SMEMBERS.
#include <cstdint>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/engine/set_handle.h"

namespace slotway::storage {
namespace {

void SaddCommand(CommandContext& ctx) {
  auto opened = OpenToWrite<SetHandle>(ctx);
  if (opened.is_wrong_type) return;
  const KeyRef key = ctx.Key(1);
  const SetLimits limits = SetLimitsOf(ctx.server.Config());
  SetHandle set = HandleOrNew(ctx, opened, key);
  set.Expect(ctx.args.size() - 2, ctx.args[2], limits);
  std::int64_t added = 0;
  for (const std::string_view member : ctx.args.subspan(2)) {
    if (set.Add(member, limits)) ++added;
  }
  if (added > 0) ctx.KeyChanged(key, config::kNotifySet, "sadd");
  ctx.reply.Integer(added);
}

void SremCommand(CommandContext& ctx) {
  auto opened = OpenToWrite<SetHandle>(ctx);
  if (opened.is_wrong_type) return;
  std::int64_t removed = 0;
  if (opened.handle) {
    for (std::size_t i = 2; i < ctx.args.size() && opened.handle->Size() > 0; ++i) {
      if (opened.handle->Remove(ctx.args[i])) ++removed;
    }
    if (removed > 0) {
      const KeyRef key = ctx.Key(1);
      ctx.KeyChanged(key, config::kNotifySet, "srem");
      DeleteIfEmpty(ctx, *opened.handle, key);
    }
  }
  ctx.reply.Integer(removed);
}

void SmoveCommand(CommandContext& ctx) {
  const KeyRef from = ctx.Key(1);
  const KeyRef to = ctx.Key(2);
  const std::string_view member = ctx.args[3];
  // A lookup may delete a due key, which ends what the one before found: so both come first.
  ctx.FindToWrite(from);
  const Entry to_entry = ctx.FindToWrite(to);
  const Entry from_entry = ctx.Peek(from);
  if (!from_entry) {
    ctx.reply.Integer(0);
    return;
  }
  if (!ctx.CheckType(from_entry, ValueType::kSet) || !ctx.CheckType(to_entry, ValueType::kSet)) {
    return;
  }
  SetHandle source(ctx.db, from_entry);
  if (from.key == to.key) {
    ctx.reply.Integer(source.Contains(member) ? 1 : 0);
    return;
  }
  if (!source.Remove(member)) {
    ctx.reply.Integer(0);
    return;
  }
  ctx.KeyChanged(from, config::kNotifySet, "srem");
  DeleteIfEmpty(ctx, source, from);
  const Entry target_entry = ctx.Peek(to);
  SetHandle target =
      target_entry ? SetHandle(ctx.db, target_entry) : SetHandle::Create(ctx.db, to, ctx.now_ms);
  const SetLimits limits = SetLimitsOf(ctx.server.Config());
  target.Expect(1, member, limits);
  if (target.Add(member, limits)) ctx.KeyChanged(to, config::kNotifySet, "sadd");
  ctx.reply.Integer(1);
}

void SismemberCommand(CommandContext& ctx) {
  auto opened = OpenToRead<SetHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Integer(opened.handle && opened.handle->Contains(ctx.args[2]) ? 1 : 0);
}

void SmismemberCommand(CommandContext& ctx) {
  auto opened = OpenToRead<SetHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Array(ctx.args.size() - 2);
  for (const std::string_view member : ctx.args.subspan(2)) {
    ctx.reply.Integer(opened.handle && opened.handle->Contains(member) ? 1 : 0);
  }
}

void ScardCommand(CommandContext& ctx) {
  auto opened = OpenToRead<SetHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Integer(opened.handle ? static_cast<std::int64_t>(opened.handle->Size()) : 0);
}

void SmembersCommand(CommandContext& ctx) {
  auto opened = OpenToRead<SetHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Set(opened.handle ? opened.handle->Size() : 0);
  if (!opened.handle) return;
  opened.handle->ForEach([&ctx](std::string_view member) { ctx.reply.Bulk(member); });
}

}  // namespace

std::span<const HandlerRow> SetHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"sadd", &SaddCommand},
      {"srem", &SremCommand},
      {"smove", &SmoveCommand},
      {"sismember", &SismemberCommand},
      {"smismember", &SmismemberCommand},
      {"scard", &ScardCommand},
      {"smembers", &SmembersCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
