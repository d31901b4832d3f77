// SPDX-License-Identifier: Apache-2.0
// EVAL, EVALSHA, their read-only forms, and SCRIPT.
#include "protocol/ascii.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/help_text.h"
#include "storage/commands/monitor_feed.h"
#include "storage/scripting/script_engine.h"
#include "storage/scripting/script_handlers.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kNoScript = "NOSCRIPT No matching script. Please use EVAL.";

void RunScript(CommandContext& ctx, const EvalScripts::Entry& script, ScriptCall& call) {
  call.function = script.second.function;
  call.name = script.first;
  call.flags = script.second.flags;
  call.is_read_only = ctx.spec.IsReadonly();
  ScriptEngine::Of(ctx.server).Run(ctx, call);
}

void EvalCommand(CommandContext& ctx) {
  ShowToMonitors(ctx);
  ScriptCall call;
  if (!ReadKeysOfCall(ctx, protocol::error_text::kNotInteger, call.keys, call.args)) return;
  const auto script = ScriptEngine::Of(ctx.server).Evals().Add(ctx.args[1]);
  if (!script) {
    ctx.Error(script.error());
    return;
  }
  RunScript(ctx, **script, call);
}

void EvalshaCommand(CommandContext& ctx) {
  ShowToMonitors(ctx);
  if (ctx.args[1].size() != EvalScripts::kDigestBytes) {
    ctx.Error(kNoScript);
    return;
  }
  ScriptCall call;
  if (!ReadKeysOfCall(ctx, protocol::error_text::kNotInteger, call.keys, call.args)) return;
  const EvalScripts::Entry* script = ScriptEngine::Of(ctx.server).Evals().Find(ctx.args[1]);
  if (script == nullptr) {
    ctx.Error(kNoScript);
    return;
  }
  RunScript(ctx, *script, call);
}

void ScriptLoadCommand(CommandContext& ctx) {
  const auto script = ScriptEngine::Of(ctx.server).Evals().Add(ctx.args[2]);
  if (script) {
    ctx.reply.Bulk((*script)->first);
  } else {
    ctx.Error(script.error());
  }
}

void ScriptExistsCommand(CommandContext& ctx) {
  const EvalScripts& scripts = ScriptEngine::Of(ctx.server).Evals();
  ctx.reply.Array(ctx.args.size() - 2);
  for (const std::string_view digest : ctx.args.subspan(2)) {
    ctx.reply.Integer(scripts.Find(digest) != nullptr ? 1 : 0);
  }
}

void ScriptFlushCommand(CommandContext& ctx) {
  ArgumentReader reader(ctx, 2);
  while (reader.HasMore()) {
    const bool is_mode =
        reader.Left() == 1 && (reader.TakeWord("sync") || reader.TakeWord("async"));
    if (!is_mode) reader.Fail("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  }
  if (!reader.Finish()) return;
  ScriptEngine::Of(ctx.server).Evals().Flush();
  ctx.reply.Ok();
}

void ScriptKillCommand(CommandContext& ctx) { ScriptEngine::Of(ctx.server).Kill(ctx, true); }

// There is no debugger; not to use it is possible.
void ScriptDebugCommand(CommandContext& ctx) {
  if (protocol::EqualsNoCase(ctx.args[2], "no")) {
    ctx.reply.Ok();
  } else if (protocol::EqualsNoCase(ctx.args[2], "yes") ||
             protocol::EqualsNoCase(ctx.args[2], "sync")) {
    ctx.Error("ERR the script debugger is not supported by this version of Slotway");
  } else {
    ctx.Error("ERR Use SCRIPT DEBUG YES/SYNC/NO");
  }
}

void ScriptHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "DEBUG (YES|SYNC|NO)",
      "    Choose how EVAL debugs. Only NO is supported.",
      "EXISTS <sha1> [<sha1> ...]",
      "    Tell which of these digests belong to cached scripts.",
      "FLUSH [ASYNC|SYNC]",
      "    Forget all cached scripts.",
      "KILL",
      "    End the script that is running, unless it has written.",
      "LOAD <script>",
      "    Cache a script without running it; its digest is the answer.",
  };
  ReplyHelp(ctx, "SCRIPT", kLines);
}

}  // namespace

bool ReadKeysOfCall(CommandContext& ctx, std::string_view not_a_number,
                    std::span<const std::string_view>& keys,
                    std::span<const std::string_view>& args) {
  std::int64_t count = 0;
  if (!ReadInteger(ctx, 2, count, not_a_number)) return false;
  const auto rest = ctx.args.subspan(3);
  if (count > static_cast<std::int64_t>(rest.size())) {
    ctx.Error("ERR Number of keys can't be greater than number of args");
    return false;
  }
  if (count < 0) {
    ctx.Error("ERR Number of keys can't be negative");
    return false;
  }
  keys = rest.first(static_cast<std::size_t>(count));
  args = rest.subspan(static_cast<std::size_t>(count));
  return true;
}

std::span<const HandlerRow> EvalHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"eval", &EvalCommand},
      {"eval_ro", &EvalCommand},
      {"evalsha", &EvalshaCommand},
      {"evalsha_ro", &EvalshaCommand},
      {"script|load", &ScriptLoadCommand},
      {"script|exists", &ScriptExistsCommand},
      {"script|flush", &ScriptFlushCommand},
      {"script|kill", &ScriptKillCommand},
      {"script|debug", &ScriptDebugCommand},
      {"script|help", &ScriptHelpCommand},
  };
  return kRows;
}

void AddScriptHandlers(HandlerTable& table) {
  table.Add(EvalHandlers());
  table.Add(FunctionHandlers());
}

}  // namespace slotway::storage
