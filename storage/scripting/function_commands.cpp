// SPDX-License-Identifier: Apache-2.0
// FCALL, FCALL_RO and FUNCTION.
#include <optional>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/glob.h"
#include "runtime/clock.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/help_text.h"
#include "storage/commands/monitor_feed.h"
#include "storage/scripting/script_engine.h"
#include "storage/scripting/script_handlers.h"

namespace slotway::storage {
namespace {

FunctionLibraries& LibrariesOf(CommandContext& ctx) {
  return ScriptEngine::Of(ctx.server).Functions();
}

void FcallCommand(CommandContext& ctx) {
  ShowToMonitors(ctx);
  const ScriptFunction* function = LibrariesOf(ctx).Current().FindFunction(ctx.args[1]);
  if (function == nullptr) {
    ctx.Error("ERR Function not found");
    return;
  }
  ScriptCall call{.function = function->function,
                  .name = function->name,
                  .flags = function->flags,
                  .is_eval = false,
                  .is_read_only = ctx.spec.IsReadonly(),
                  .keys = {},
                  .args = {}};
  if (!ReadKeysOfCall(ctx, "ERR Bad number of keys provided", call.keys, call.args)) return;
  ScriptEngine::Of(ctx.server).Run(ctx, call);
}

void LoadCommand(CommandContext& ctx) {
  bool replaces = false;
  for (const std::string_view option : ctx.args.subspan(2, ctx.args.size() - 3)) {
    if (!protocol::EqualsNoCase(option, "replace")) {
      ctx.Error("ERR Unknown option given: " + std::string(option));
      return;
    }
    replaces = true;
  }
  const auto name = LibrariesOf(ctx).Load(ctx.args.back(), replaces);
  if (!name) {
    ctx.Error(name.error());
    return;
  }
  ctx.DataChanged(1);
  ctx.reply.Bulk(*name);
}

void DeleteCommand(CommandContext& ctx) {
  if (!LibrariesOf(ctx).Remove(ctx.args[2])) {
    ctx.Error("ERR Library not found");
    return;
  }
  ctx.DataChanged(1);
  ctx.reply.Ok();
}

void FlushCommand(CommandContext& ctx) {
  if (ctx.args.size() > 3) return ctx.SubcommandError("FUNCTION");
  ArgumentReader reader(ctx, 2);
  while (reader.HasMore()) {
    const bool is_mode = reader.TakeWord("sync") || reader.TakeWord("async");
    if (!is_mode) reader.Fail("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  }
  if (!reader.Finish()) return;
  LibrariesOf(ctx).Flush();
  ctx.DataChanged(1);
  ctx.reply.Ok();
}

void DumpCommand(CommandContext& ctx) { ctx.reply.Bulk(LibrariesOf(ctx).Dump()); }

std::optional<FunctionRestore> ReadPolicy(std::string_view word) {
  if (protocol::EqualsNoCase(word, "append")) return FunctionRestore::kAppend;
  if (protocol::EqualsNoCase(word, "replace")) return FunctionRestore::kReplace;
  if (protocol::EqualsNoCase(word, "flush")) return FunctionRestore::kFlush;
  return std::nullopt;
}

void RestoreCommand(CommandContext& ctx) {
  if (ctx.args.size() > 4) return ctx.SubcommandError("FUNCTION");
  const auto policy = ctx.args.size() == 4 ? ReadPolicy(ctx.args[3]) : FunctionRestore::kAppend;
  if (!policy) {
    ctx.Error("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
    return;
  }
  if (const auto restored = LibrariesOf(ctx).Restore(ctx.args[2], *policy); !restored) {
    ctx.Error(restored.error());
    return;
  }
  ctx.DataChanged(1);
  ctx.reply.Ok();
}

void ReplyFunction(CommandContext& ctx, const ScriptFunction& function) {
  ctx.reply.Map(3);
  ctx.reply.Bulk("name");
  ctx.reply.Bulk(function.name);
  ctx.reply.Bulk("description");
  if (function.description) {
    ctx.reply.Bulk(*function.description);
  } else {
    ctx.reply.Null();
  }
  ctx.reply.Bulk("flags");
  std::vector<std::string_view> flags;
  for (const ScriptFlagName& row : ScriptFlagNames()) {
    if (function.flags.Has(row.flag)) flags.push_back(row.name);
  }
  ctx.reply.Set(flags.size());
  for (const std::string_view flag : flags) ctx.reply.SimpleString(flag);
}

void ReplyLibrary(CommandContext& ctx, const FunctionLibrary& library, bool with_code) {
  ctx.reply.Map(with_code ? 4 : 3);
  ctx.reply.Bulk("library_name");
  ctx.reply.Bulk(library.name);
  ctx.reply.Bulk("engine");
  ctx.reply.Bulk("LUA");
  ctx.reply.Bulk("functions");
  ctx.reply.Array(library.functions.size());
  for (const auto& [name, function] : library.functions) ReplyFunction(ctx, function);
  if (!with_code) return;
  ctx.reply.Bulk("library_code");
  ctx.reply.Bulk(library.code);
}

struct ListOptions {
  bool with_code = false;
  std::optional<std::string_view> pattern;
};

bool ReadListOptions(CommandContext& ctx, ListOptions& options) {
  std::string error;
  for (std::size_t i = 2; i < ctx.args.size() && error.empty(); ++i) {
    const std::string_view word = ctx.args[i];
    if (!options.with_code && protocol::EqualsNoCase(word, "withcode")) {
      options.with_code = true;
    } else if (!options.pattern && protocol::EqualsNoCase(word, "libraryname")) {
      if (i + 1 == ctx.args.size()) {
        error = "ERR library name argument was not given";
      } else {
        options.pattern = ctx.args[++i];
      }
    } else {
      error = "ERR Unknown argument " + std::string(word);
    }
  }
  if (!error.empty()) ctx.Error(error);
  return error.empty();
}

void ListCommand(CommandContext& ctx) {
  ListOptions options;
  if (!ReadListOptions(ctx, options)) return;
  std::vector<const FunctionLibrary*> listed;
  for (const auto& [name, library] : LibrariesOf(ctx).Current().All()) {
    const bool is_asked_for =
        !options.pattern || protocol::GlobMatchesNoCase(*options.pattern, name);
    if (is_asked_for) listed.push_back(library.get());
  }
  ctx.reply.Array(listed.size());
  for (const FunctionLibrary* library : listed) ReplyLibrary(ctx, *library, options.with_code);
}

void ReplyRunning(CommandContext& ctx, const ScriptRun& run) {
  ctx.reply.Map(3);
  ctx.reply.Bulk("name");
  ctx.reply.Bulk(run.call.name);
  ctx.reply.Bulk("command");
  ctx.reply.Array(run.caller.args.size());
  for (const std::string_view arg : run.caller.args) ctx.reply.Bulk(arg);
  ctx.reply.Bulk("duration_ms");
  const std::uint64_t taken_ns = runtime::MonotonicNs() - run.started_ns;
  ctx.reply.Integer(static_cast<std::int64_t>(taken_ns / 1'000'000));
}

void StatsCommand(CommandContext& ctx) {
  const ScriptRun* run = ScriptEngine::Of(ctx.server).Current();
  if (run != nullptr && run->call.is_eval) {
    ctx.Error(ctx.server.busy_error);
    return;
  }
  const LibrarySet& set = LibrariesOf(ctx).Current();
  ctx.reply.Map(2);
  ctx.reply.Bulk("running_script");
  if (run != nullptr) {
    ReplyRunning(ctx, *run);
  } else {
    ctx.reply.Null();
  }
  ctx.reply.Bulk("engines");
  ctx.reply.Map(1);
  ctx.reply.Bulk("LUA");
  ctx.reply.Map(2);
  ctx.reply.Bulk("libraries_count");
  ctx.reply.Integer(static_cast<std::int64_t>(set.All().size()));
  ctx.reply.Bulk("functions_count");
  ctx.reply.Integer(static_cast<std::int64_t>(set.FunctionCount()));
}

void KillCommand(CommandContext& ctx) { ScriptEngine::Of(ctx.server).Kill(ctx, false); }

void HelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "DELETE <library-name>",
      "    Remove a library with its functions.",
      "DUMP",
      "    Serialise all libraries, for FUNCTION RESTORE.",
      "FLUSH [ASYNC|SYNC]",
      "    Remove all libraries.",
      "KILL",
      "    End the function that is running, unless it has written.",
      "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
      "    Describe the libraries, or those whose names match.",
      "LOAD [REPLACE] <code>",
      "    Load a library, in the place of one of its name if asked to.",
      "RESTORE <payload> [FLUSH|APPEND|REPLACE]",
      "    Load what FUNCTION DUMP serialised: instead of all that is there, beside it (the",
      "    default), or in the place of libraries of the same names.",
      "STATS",
      "    Show the function that is running, and how many there are.",
  };
  ReplyHelp(ctx, "FUNCTION", kLines);
}

}  // namespace

std::span<const HandlerRow> FunctionHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"fcall", &FcallCommand},
      {"fcall_ro", &FcallCommand},
      {"function|load", &LoadCommand},
      {"function|delete", &DeleteCommand},
      {"function|flush", &FlushCommand},
      {"function|dump", &DumpCommand},
      {"function|restore", &RestoreCommand},
      {"function|list", &ListCommand},
      {"function|stats", &StatsCommand},
      {"function|kill", &KillCommand},
      {"function|help", &HelpCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
