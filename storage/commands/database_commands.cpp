// SPDX-License-Identifier: Apache-2.0
// Whole databases: SELECT, DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.
#include <cstdint>
#include <optional>
#include <string>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/database_index.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/invalidation.h"
#include "storage/commands/number_text.h"
#include "storage/commands/persistence_host.h"

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
  ctx.reply.Integer(static_cast<std::int64_t>(ctx.db.VisibleSize()));
}

// FLUSHDB and FLUSHALL: whether the memory is given back piece by piece after the answer, or before
// it. Nothing, which has been answered, if the arguments are no good.
enum class FlushMode : std::uint8_t { kSync, kAsync };

std::optional<FlushMode> ReadFlushMode(CommandContext& ctx) {
  const bool is_lazy = ctx.server.Config().lazyfree_lazy_user_flush;
  if (ctx.args.size() == 1) return is_lazy ? FlushMode::kAsync : FlushMode::kSync;
  if (ctx.args.size() == 2 && EqualsNoCase(ctx.args[1], "async")) return FlushMode::kAsync;
  if (ctx.args.size() == 2 && EqualsNoCase(ctx.args[1], "sync")) return FlushMode::kSync;
  ctx.SyntaxError();
  return std::nullopt;
}

void Flush(CommandContext& ctx, int db_index, FlushMode mode) {
  constexpr std::size_t kEntriesPerStep = 1'000'000;
  Keyspace& database = ctx.server.Database(db_index);
  ctx.server.WillFlush(db_index);
  ctx.DataChanged(database.Size());
  database.FlushAll();
  bool has_more = mode == FlushMode::kSync;
  while (has_more) has_more = database.FreeFlushed(kEntriesPerStep);
  if (mode == FlushMode::kSync) database.TakeFreedCount();  // none of them was freed lazily
  ctx.server.waiters.NoteDatabase(db_index);
  ctx.PropagateAnyway();
}

void FlushdbCommand(CommandContext& ctx) {
  const auto mode = ReadFlushMode(ctx);
  if (!mode) return;
  Flush(ctx, ctx.client.db_index, *mode);
  InvalidateAll(ctx.server);
  ctx.reply.Ok();
}

void FlushallCommand(CommandContext& ctx) {
  const auto mode = ReadFlushMode(ctx);
  if (!mode) return;
  for (int i = 0; i < ctx.server.DatabaseCount(); ++i) {
    if (ctx.server.DatabaseIfUsed(i) != nullptr) Flush(ctx, i, *mode);
  }
  InvalidateAll(ctx.server);
  ctx.PropagateAnyway();
  if (ctx.server.persistence_host != nullptr) ctx.server.persistence_host->NoteFlushAll();
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
