// SPDX-License-Identifier: Apache-2.0
// MULTI, EXEC, DISCARD, WATCH, UNWATCH.
#include <algorithm>
#include <memory>

#include "protocol/acl_text.h"
#include "storage/commands/acl_access.h"
#include "storage/commands/command_call.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/transaction.h"

namespace slotway::storage {
namespace {

void MultiCommand(CommandContext& ctx) {
  if (ctx.client.transaction) {
    ctx.Error("ERR MULTI calls can not be nested");
    return;
  }
  ctx.client.transaction = std::make_unique<Transaction>();
  ctx.client.Set(ClientWay::kQueueing);
  ctx.reply.Ok();
}

// Looks for keys whose time has come unseen: looking removes them, which tells who watches them.
bool HasWatchedChange(CommandContext& ctx) {
  ClientState& client = ctx.client;
  if (client.has_watched_change) return true;
  const std::vector<WatchedKeys::Key> keys = ctx.server.watched_keys.KeysOf(client);
  return std::any_of(keys.begin(), keys.end(), [&](const WatchedKeys::Key& key) {
    const protocol::Slot slot = protocol::SlotOfKey(key.name);
    return key.existed && !ctx.server.Database(key.db_index).Exists(slot, key.name, ctx.now_ms);
  });
}

// The rules may have changed since it was queued.
bool IsRefusedAtExec(CommandContext& ctx, const protocol::CommandSpec& spec,
                     std::span<const std::string_view> args) {
  std::vector<protocol::KeyPosition> keys;
  const protocol::AclVerdict verdict = CheckAccess(ctx.client, spec, args, keys);
  if (verdict.IsAllowed()) return false;
  NoteDenial(ctx.server, ctx.client, verdict, protocol::AclLogContext::kMulti, spec, args);
  const std::string error = protocol::AclRefusalAtExec(verdict);
  ctx.server.stats.CountError(error);
  ctx.reply.Error(error);
  return true;
}

void ExecCommand(CommandContext& ctx) {
  ClientState& client = ctx.client;
  if (!client.transaction) {
    ctx.Error("ERR EXEC without MULTI");
    return;
  }
  const Transaction& transaction = *client.transaction;
  const bool has_change = HasWatchedChange(ctx);
  ctx.server.watched_keys.Unwatch(client);
  if (transaction.IsRefused()) {
    ctx.Error("EXECABORT Transaction discarded because of previous errors.");
  } else if (has_change) {
    ctx.reply.NullArray();
  } else {
    ctx.reply.Array(transaction.Count());
    for (std::size_t i = 0; i < transaction.Count(); ++i) {
      const protocol::CommandSpec& spec = transaction.SpecAt(i);
      const std::vector<std::string_view> args = transaction.ArgsAt(i);
      if (client.is_restricted && IsRefusedAtExec(ctx, spec, args)) continue;
      CallWithin(ctx.server, client, spec, args, ctx.output);
    }
  }
  DropTransaction(ctx.server, client);
}

void DiscardCommand(CommandContext& ctx) {
  if (!ctx.client.transaction) {
    ctx.Error("ERR DISCARD without MULTI");
    return;
  }
  DropTransaction(ctx.server, ctx.client);
  ctx.reply.Ok();
}

void WatchCommand(CommandContext& ctx) {
  if (ctx.client.transaction) {
    ctx.Error("ERR WATCH inside MULTI is not allowed");
    return;
  }
  // Once a key has changed EXEC will fail, whatever else is watched.
  for (std::size_t i = 1; i < ctx.args.size() && !ctx.client.has_watched_change; ++i) {
    const bool exists = static_cast<bool>(ctx.Peek(ctx.Key(i)));
    ctx.server.watched_keys.Watch(ctx.client, ctx.client.db_index, ctx.args[i], exists);
  }
  ctx.reply.Ok();
}

void UnwatchCommand(CommandContext& ctx) {
  ctx.server.watched_keys.Unwatch(ctx.client);
  ctx.client.has_watched_change = false;
  ctx.reply.Ok();
}

}  // namespace

std::span<const HandlerRow> TransactionHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"multi", &MultiCommand}, {"exec", &ExecCommand},       {"discard", &DiscardCommand},
      {"watch", &WatchCommand}, {"unwatch", &UnwatchCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
