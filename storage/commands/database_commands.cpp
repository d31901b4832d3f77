// SPDX-License-Identifier: Apache-2.0
// Whole databases: SELECT, DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.
#include <string>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/database_index.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"

namespace slotway::storage {

bool ReadDatabaseIndex(CommandContext& ctx, std::size_t index, int& out) {
  auto value = ParseInteger(ctx.args[index]);
  if (!value) {
    ctx.Error(protocol::error_text::kNotInteger);
    return false;
  }
  if (*value < INT32_MIN || *value > INT32_MAX) {
    ctx.Error("ERR value is out of range, value must between -2147483648 and 2147483647");
    return false;
  }
  if (*value < 0 || *value >= ctx.server.DatabaseCount()) {
    ctx.Error(protocol::error_text::kDbIndexOutOfRange);
    return false;
  }
  out = static_cast<int>(*value);
  return true;
}

namespace {

void SelectCommand(CommandContext& ctx) {
  auto value = ParseInteger(ctx.args[1]);
  if (ctx.server.IsClusterEnabled() && value && *value != 0) {
    ctx.Error(protocol::error_text::kSelectInCluster);
    return;
  }
  if (ReadDatabaseIndex(ctx, 1, ctx.client.db_index)) ctx.reply.Ok();
}

void DbsizeCommand(CommandContext& ctx) {
  ctx.reply.Integer(static_cast<std::int64_t>(ctx.db.Size()));
}

// FLUSHDB and FLUSHALL: both modes give the memory back in the background.
bool ReadFlushMode(CommandContext& ctx) {
  bool is_plain = ctx.args.size() == 1;
  bool is_mode = ctx.args.size() == 2 &&
                 (EqualsNoCase(ctx.args[1], "async") || EqualsNoCase(ctx.args[1], "sync"));
  if (!is_plain && !is_mode) ctx.SyntaxError();
  return is_plain || is_mode;
}

void FlushdbCommand(CommandContext& ctx) {
  if (!ReadFlushMode(ctx)) return;
  ctx.DataChanged(ctx.db.Size());
  ctx.db.FlushAll();
  ctx.server.waiters.NoteDatabase(ctx.client.db_index);
  ctx.reply.Ok();
}

void FlushallCommand(CommandContext& ctx) {
  if (!ReadFlushMode(ctx)) return;
  for (int i = 0; i < ctx.server.DatabaseCount(); ++i) {
    Keyspace* database = ctx.server.DatabaseIfUsed(i);
    if (database == nullptr) continue;
    ctx.DataChanged(database->Size());
    database->FlushAll();
    ctx.server.waiters.NoteDatabase(i);
  }
  ctx.DataChanged(1);
  ctx.reply.Ok();
}

void SwapdbCommand(CommandContext& ctx) {
  if (ctx.server.IsClusterEnabled()) {
    ctx.Error("ERR SWAPDB is not allowed in cluster mode");
    return;
  }
  auto first = ParseInteger(ctx.args[1]);
  auto second = ParseInteger(ctx.args[2]);
  if (!first || !second) {
    ctx.Error(!first ? "ERR invalid first DB index" : "ERR invalid second DB index");
    return;
  }
  auto exists = [&](std::int64_t index) {
    return index >= 0 && index < ctx.server.DatabaseCount();
  };
  if (!exists(*first) || !exists(*second)) {
    ctx.Error(protocol::error_text::kDbIndexOutOfRange);
    return;
  }
  ctx.server.SwapDatabases(static_cast<int>(*first), static_cast<int>(*second));
  ctx.DataChanged(1);
  ctx.reply.Ok();
}

}  // namespace

std::span<const HandlerRow> DatabaseHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"select", &SelectCommand},     {"dbsize", &DbsizeCommand}, {"flushdb", &FlushdbCommand},
      {"flushall", &FlushallCommand}, {"swapdb", &SwapdbCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
