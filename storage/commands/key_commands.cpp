// SPDX-License-Identifier: Apache-2.0
// Keys as such: DEL, UNLINK, EXISTS, TOUCH, TYPE, RENAME, RENAMENX, COPY, MOVE, RANDOMKEY.
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/database_index.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"
#include "storage/commands/value_copy.h"

namespace slotway::storage {
namespace {

// DEL and UNLINK: the engine frees large values piece by piece in both cases.
void DeleteKeys(CommandContext& ctx) {
  std::int64_t deleted = 0;
  for (std::size_t i = 1; i < ctx.args.size(); ++i) {
    KeyRef key = ctx.Key(i);
    if (!ctx.db.Delete(key.slot, key.key, ctx.now_ms)) continue;
    ctx.KeyChanged(key, config::kNotifyGeneric, "del");
    ++deleted;
  }
  ctx.reply.Integer(deleted);
}

// Large values are freed piece by piece between commands: those of UNLINK always, those of DEL with
// lazyfree-lazy-user-del. Without it the memory is free when DEL answers.
void UnlinkCommand(CommandContext& ctx) { DeleteKeys(ctx); }

void DelCommand(CommandContext& ctx) {
  const std::size_t waiting = ctx.db.DiscardedCount();
  DeleteKeys(ctx);
  if (!ctx.server.Config().lazyfree_lazy_user_del) ctx.db.FreeDiscardedBeyond(waiting);
}

// EXISTS counts a key as often as it is named; TOUCH moves its access clock too.
void ExistsCommand(CommandContext& ctx) {
  std::int64_t found = 0;
  for (std::size_t i = 1; i < ctx.args.size(); ++i) {
    if (ctx.PeekToRead(ctx.Key(i))) ++found;
  }
  ctx.reply.Integer(found);
}

void TouchCommand(CommandContext& ctx) {
  std::int64_t found = 0;
  for (std::size_t i = 1; i < ctx.args.size(); ++i) {
    if (ctx.FindToRead(ctx.Key(i), Access::kTouch)) ++found;
  }
  ctx.reply.Integer(found);
}

void TypeCommand(CommandContext& ctx) {
  Entry entry = ctx.PeekToRead(ctx.Key(1));
  ctx.reply.SimpleString(entry ? ValueTypeName(entry.type()) : "none");
}

// False when there is nothing to rename; the error is answered then.
bool RenameKey(CommandContext& ctx, const KeyRef& from, const KeyRef& to) {
  if (!ctx.db.Rename(from, to, ctx.now_ms)) return false;
  ctx.KeyChanged(from, config::kNotifyGeneric, "rename_from");
  ctx.KeyChanged(to, config::kNotifyGeneric, "rename_to");
  return true;
}

void RenameCommand(CommandContext& ctx) {
  KeyRef from = ctx.Key(1);
  KeyRef to = ctx.Key(2);
  if (!ctx.FindToWrite(from)) {
    ctx.Error(protocol::error_text::kNoSuchKey);
    return;
  }
  if (from.key != to.key) RenameKey(ctx, from, to);
  ctx.reply.Ok();
}

void RenamenxCommand(CommandContext& ctx) {
  KeyRef from = ctx.Key(1);
  KeyRef to = ctx.Key(2);
  if (!ctx.FindToWrite(from)) {
    ctx.Error(protocol::error_text::kNoSuchKey);
    return;
  }
  if (from.key == to.key || ctx.FindToWrite(to)) {
    ctx.reply.Integer(0);
    return;
  }
  RenameKey(ctx, from, to);
  ctx.reply.Integer(1);
}

void CopyCommand(CommandContext& ctx) {
  int target_db = ctx.client.db_index;
  bool replaces = false;
  for (std::size_t i = 3; i < ctx.args.size(); ++i) {
    if (EqualsNoCase(ctx.args[i], "replace")) {
      replaces = true;
    } else if (EqualsNoCase(ctx.args[i], "db") && i + 1 < ctx.args.size()) {
      if (!ReadDatabaseIndex(ctx, ++i, target_db)) return;
    } else {
      ctx.SyntaxError();
      return;
    }
  }
  if (ctx.server.IsClusterEnabled() && target_db != 0) {
    ctx.Error("ERR Copying to another database is not allowed in cluster mode");
    return;
  }
  KeyRef from = ctx.Key(1);
  KeyRef to = ctx.Key(2);
  if (target_db == ctx.client.db_index && from.key == to.key) {
    ctx.Error("ERR source and destination objects are the same");
    return;
  }
  Keyspace& target = ctx.server.Database(target_db);
  // First the target: looking it up may remove it, which ends the view of the source.
  const bool is_taken = target.Exists(to.slot, to.key, ctx.now_ms);
  Entry entry = ctx.FindToRead(from);
  if (!entry || (is_taken && !replaces)) {
    ctx.reply.Integer(0);
    return;
  }
  ValueCopy(entry).StoreTo(target, to, ctx.now_ms);
  if (is_taken) ctx.KeyReplaced(target_db, to);
  ctx.KeyOfChanged(target_db, to, config::kNotifyGeneric, "copy_to");
  ctx.reply.Integer(1);
}

void MoveCommand(CommandContext& ctx) {
  if (ctx.server.IsClusterEnabled()) {
    ctx.Error("ERR MOVE is not allowed in cluster mode");
    return;
  }
  int target_db = 0;
  if (!ReadDatabaseIndex(ctx, 2, target_db)) return;
  if (target_db == ctx.client.db_index) {
    ctx.Error("ERR source and destination objects are the same");
    return;
  }
  KeyRef key = ctx.Key(1);
  Keyspace& target = ctx.server.Database(target_db);
  bool is_taken = target.Exists(key.slot, key.key, ctx.now_ms);
  Entry entry = ctx.FindToWrite(key);
  if (!entry || is_taken) {
    ctx.reply.Integer(0);
    return;
  }
  ValueCopy(entry).StoreTo(target, key, ctx.now_ms);
  ctx.db.Delete(entry);
  ctx.KeyChanged(key, config::kNotifyGeneric, "move_from");
  ctx.KeyOfChanged(target_db, key, config::kNotifyGeneric, "move_to");
  ctx.reply.Integer(1);
}

void RandomkeyCommand(CommandContext& ctx) {
  Entry entry = ctx.db.RandomEntry(ctx.now_ms);
  if (entry) {
    ctx.reply.Bulk(entry.key());
  } else {
    ctx.reply.Null();
  }
}

}  // namespace

std::span<const HandlerRow> KeyHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"del", &DelCommand},           {"unlink", &UnlinkCommand},
      {"exists", &ExistsCommand},     {"touch", &TouchCommand},
      {"type", &TypeCommand},         {"rename", &RenameCommand},
      {"renamenx", &RenamenxCommand}, {"copy", &CopyCommand},
      {"move", &MoveCommand},         {"randomkey", &RandomkeyCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
