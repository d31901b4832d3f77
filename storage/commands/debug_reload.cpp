// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/debug_reload.h"

#include <memory>

#include "storage/commands/argument_reader.h"
#include "storage/commands/data_snapshot.h"
#include "storage/commands/persistence_host.h"

namespace slotway::storage {
namespace {

struct ReloadOptions {
  bool saves = true;
  bool flushes = true;
  bool merges = false;
};

bool ReadReloadOptions(CommandContext& ctx, ReloadOptions& options) {
  ArgumentReader reader(ctx, 2);
  while (reader.HasMore()) {
    if (reader.TakeWord("nosave")) {
      options.saves = false;
    } else if (reader.TakeWord("noflush")) {
      options.flushes = false;
    } else if (reader.TakeWord("merge")) {
      options.merges = true;
    } else {
      reader.Fail("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    }
  }
  return reader.Finish();
}

}  // namespace

void DebugReload(CommandContext& ctx) {
  ReloadOptions options;
  if (!ReadReloadOptions(ctx, options)) return;
  ServerState& server = ctx.server;
  if (options.saves) {
    if (const auto error = server.persistence_host->Save()) return ctx.Error(*error);
  }
  LoadPolicy policy = options.merges ? LoadPolicy::kReplaces : LoadPolicy::kForbids;
  if (options.flushes) {
    FlushForLoading(server, true);
    policy = LoadPolicy::kFlushed;
  }
  const auto error = server.persistence_host->LoadFile(policy);
  for (int i = 0; i < server.DatabaseCount(); ++i) server.waiters.NoteDatabase(i);
  if (error) return ctx.Error(*error);
  ctx.reply.Ok();
}

void DebugLoadLog(CommandContext& ctx) {
  ServerState& server = ctx.server;
  const auto error = server.persistence_host->LoadLog();
  for (int i = 0; i < server.DatabaseCount(); ++i) server.waiters.NoteDatabase(i);
  if (error) return ctx.Error(*error);
  ctx.reply.Ok();
}

}  // namespace slotway::storage
