// SPDX-License-Identifier: Apache-2.0
// Saving and ending: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, SHUTDOWN.
#include <optional>
#include <string>
#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/persistence_host.h"
#include "storage/commands/shutdown_host.h"

namespace slotway::storage {
namespace {

void LastsaveCommand(CommandContext& ctx) {
  ctx.reply.Integer(ctx.server.persistence.saving.last_save_time_s);
}

void SaveCommand(CommandContext& ctx) {
  if (const auto error = ctx.server.persistence_host->Save()) return ctx.Error(*error);
  ctx.reply.Ok();
}

void BgsaveCommand(CommandContext& ctx) {
  const bool has_option = ctx.args.size() > 1;
  if (has_option && (ctx.args.size() > 2 || !EqualsNoCase(ctx.args[1], "schedule"))) {
    return ctx.SyntaxError();
  }
  const bool is_within = ctx.server.calls_within > 0;
  bool is_scheduled = false;
  const auto error =
      ctx.server.persistence_host->BackgroundSave(has_option || is_within, is_scheduled);
  if (error) return ctx.Error(*error);
  ctx.reply.SimpleString(is_scheduled ? "Background saving scheduled"
                                      : "Background saving started");
}

void BgrewriteaofCommand(CommandContext& ctx) {
  bool is_scheduled = false;
  if (const auto error = ctx.server.persistence_host->RewriteLog(is_scheduled)) {
    return ctx.Error(*error);
  }
  ctx.reply.SimpleString(is_scheduled ? "Background append only file rewriting scheduled"
                                      : "Background append only file rewriting started");
}

struct ShutdownWords {
  ShutdownRequest request;
  bool aborts = false;
};

bool ReadShutdownWords(CommandContext& ctx, ShutdownWords& words) {
  for (const std::string_view word : ctx.args.subspan(1)) {
    if (EqualsNoCase(word, "nosave")) {
      words.request.is_nosave = true;
    } else if (EqualsNoCase(word, "save")) {
      words.request.saves = true;
    } else if (EqualsNoCase(word, "now")) {
      words.request.is_now = true;
    } else if (EqualsNoCase(word, "force")) {
      words.request.is_forced = true;
    } else if (EqualsNoCase(word, "abort")) {
      words.aborts = true;
    } else {
      ctx.SyntaxError();
      return false;
    }
  }
  const bool contradicts =
      (words.request.saves && words.request.is_nosave) || (words.aborts && ctx.args.size() > 2);
  if (contradicts) ctx.SyntaxError();
  return !contradicts;
}

void ShutdownCommand(CommandContext& ctx) {
  ShutdownWords words;
  if (!ReadShutdownWords(ctx, words)) return;
  if (words.aborts) {
    if (!ctx.server.shutdown_host->Abort()) return ctx.Error("ERR No shutdown in progress.");
    return ctx.reply.Ok();
  }
  if (!words.request.is_now && ctx.client.denies_waiting) {
    return ctx.Error("ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client");
  }
  if (!words.request.is_nosave && !ctx.server.busy_error.empty()) {
    return ctx.Error(ctx.server.busy_error);
  }
  if (const auto error = ctx.server.shutdown_host->Begin(words.request)) return ctx.Error(*error);
  // No answer: the client sees the connection close, or hears that nothing came of it.
  if (ctx.server.persistence.shutdown_at_ms != 0) ctx.WaitFor({});
}

}  // namespace

std::span<const HandlerRow> SaveHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"save", &SaveCommand},
      {"bgsave", &BgsaveCommand},
      {"bgrewriteaof", &BgrewriteaofCommand},
      {"lastsave", &LastsaveCommand},
      {"shutdown", &ShutdownCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
