// SPDX-License-Identifier: Apache-2.0
#include "storage/scripting/script_engine.h"

#include "runtime/clock.h"
#include "runtime/log.h"
#include "storage/lua/lua_error.h"
#include "storage/scripting/library_loading.h"
#include "storage/scripting/reply_conversion.h"
#include "storage/scripting/script_environment.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kScriptIsBusy =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
constexpr std::string_view kFunctionIsBusy =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";

void PushTexts(lua_State* lua, std::span<const std::string_view> texts) {
  lua_createtable(lua, static_cast<int>(texts.size()), 0);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    lua_pushlstring(lua, texts[i].data(), texts[i].size());
    lua_rawseti(lua, -2, static_cast<int>(i + 1));
  }
}

bool IsAnyOf(const protocol::CommandSpec& spec, std::string_view a, std::string_view b) {
  return &spec == protocol::FindCommand(a) || &spec == protocol::FindCommand(b);
}

}  // namespace

ScriptEngine::ScriptEngine(ServerState& server)
    : server_(server), evals_(*this), functions_(*this) {
  client_.denies_waiting = true;
  client_.is_script = true;
  server.scripts = this;
}

ScriptEngine::~ScriptEngine() { server_.scripts = nullptr; }

bool ScriptEngine::IsStale() const {
  const ReplicationFacts& facts = server_.replication;
  return facts.is_replica && !facts.master.IsUp() && !server_.Config().replica_serve_stale_data;
}

std::string_view ScriptEngine::Refusal(const ClientState& caller, const ScriptCall& call) const {
  const ScriptFlags& flags = call.flags;
  const bool allows_stale = flags.are_declared && flags.Has(ScriptFlag::kAllowStale);
  if (IsStale() && !allows_stale) return kMasterDown;
  if (!flags.are_declared) return {};
  const bool may_write = !flags.Has(ScriptFlag::kNoWrites);
  if (may_write && server_.IsReadonly()) return kReadonly;
  if (may_write && !server_.persistence.write_refusal.empty()) {
    return server_.persistence.write_refusal;
  }
  if (may_write && server_.LacksReplicas(caller)) return kNoReplicas;
  if (flags.Has(ScriptFlag::kNoCluster) && server_.IsClusterEnabled()) {
    return "ERR Can not run script on cluster, 'no-cluster' flag is set.";
  }
  if (may_write && call.is_read_only) {
    return "ERR Can not execute a script with write flag using *_ro command.";
  }
  if (may_write && !flags.Has(ScriptFlag::kAllowOom) && server_.IsOutOfMemory()) {
    return "OOM allow-oom flag is not set on the script, can not run it when used memory > "
           "'maxmemory'";
  }
  return {};
}

void ScriptEngine::Run(CommandContext& ctx, const ScriptCall& call) {
  if (const std::string_view error = Refusal(ctx.client, call); !error.empty()) {
    ctx.Error(error);
    return;
  }
  ScriptRun run{.caller = ctx, .call = call};
  BeginRun(run);
  LuaState& state = call.is_eval ? evals_.State() : functions_.State();
  lua_State* lua = state.Lua();
  state.run = &run;
  int arguments = 0;
  if (call.is_eval) {
    PushTexts(lua, call.keys);
    lua_setfield(lua, kGlobalsIndex, "KEYS");
    PushTexts(lua, call.args);
    lua_setfield(lua, kGlobalsIndex, "ARGV");
    lua_rawgeti(lua, LUA_REGISTRYINDEX, call.function);
  } else {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, call.function);
    PushTexts(lua, call.keys);
    PushTexts(lua, call.args);
    arguments = 2;
  }
  const int status = lua_pcall(lua, arguments, 1, kErrorHandlerIndex);
  state.CollectSome();
  if (status == 0) {
    ReplyFromLua(ctx, lua, client_.resp_version);
  } else {
    AnswerError(ctx, lua, call);
  }
  EndRun(state);
}

void ScriptEngine::BeginRun(ScriptRun& run) {
  const ScriptFlags& flags = run.call.flags;
  const ClientState& caller = run.caller.client;
  run.started_ns = runtime::MonotonicNs();
  run.is_read_only =
      run.call.is_read_only || (flags.are_declared && flags.Has(ScriptFlag::kNoWrites));
  run.allows_oom = flags.are_declared && flags.Has(ScriptFlag::kAllowOom);
  run.allows_cross_slot = !flags.are_declared || flags.Has(ScriptFlag::kAllowCrossSlotKeys);
  run.began_over_memory = server_.IsOutOfMemory();
  if (server_.IsClusterEnabled() && !run.call.keys.empty()) {
    run.slot = protocol::ToInt(protocol::SlotOfKey(run.call.keys[0]));
  }
  client_.id = caller.id;
  client_.db_index = caller.db_index;
  client_.resp_version = protocol::RespVersion::kResp2;
  client_.is_no_touch = caller.is_no_touch;
  client_.replicas_to_ack = caller.replicas_to_ack;
  client_.is_readonly = caller.is_readonly;
  client_.is_asking = caller.is_asking;
  client_.user = caller.user;
  client_.is_restricted = caller.is_restricted;
  client_.name = caller.name;
  client_.address = caller.address;
  run_ = &run;
}

void ScriptEngine::EndRun(LuaState& state) {
  lua_settop(state.Lua(), kErrorHandlerIndex);
  if (run_->is_late) {
    server_.busy_error = {};
    server_.busy_client_id = 0;
    lua_sethook(state.Lua(), &OnCount, LUA_MASKCOUNT, kInstructionsPerCount);
  }
  SetAudience(Audience::kAll);
  state.run = nullptr;
  run_ = nullptr;
}

void ScriptEngine::AnswerError(CommandContext& ctx, lua_State* lua, const ScriptCall& call) {
  std::string text;
  if (!lua_istable(lua, -1)) {
    constexpr std::size_t kShownBytes = 100;
    const char* message = lua_isstring(lua, -1) != 0 ? lua_tostring(lua, -1) : "execution failure";
    text.append("ERR Error running script ").append(call.name).append(", ");
    text.append(std::string_view(message).substr(0, kShownBytes));
    ctx.Error(text);
    return;
  }
  const ErrorInfo error = DescribeError(lua);
  text = error.text;
  if (!error.line.empty() && !error.source.empty()) {
    text.append(" script: ").append(call.name).append(", on ");
    text.append(error.source).append(":").append(error.line).append(".");
  }
  AnswerScriptError(ctx, text, error.is_counted);
}

bool ScriptEngine::MayWrite(const protocol::CommandSpec& spec,
                            std::span<const std::string_view> args) const {
  if (args.size() < 2) return false;
  if (!IsAnyOf(spec, "eval", "evalsha") && &spec != protocol::FindCommand("fcall")) return false;
  return !FlagsOf(spec, args).Has(ScriptFlag::kNoWrites);
}

bool ScriptEngine::DeclaresWrites(const protocol::CommandSpec& spec,
                                  std::span<const std::string_view> args) const {
  const ScriptFlags flags = FlagsOf(spec, args);
  return flags.are_declared && !flags.Has(ScriptFlag::kNoWrites);
}

bool ScriptEngine::NeedsMemory(const protocol::CommandSpec& spec,
                               std::span<const std::string_view> args) const {
  const ScriptFlags flags = FlagsOf(spec, args);
  return flags.are_declared && !flags.Has(ScriptFlag::kNoWrites) &&
         !flags.Has(ScriptFlag::kAllowOom);
}

ScriptFlags ScriptEngine::FlagsOf(const protocol::CommandSpec& spec,
                                  std::span<const std::string_view> args) const {
  if (args.size() < 2) return {};
  if (IsAnyOf(spec, "eval", "eval_ro")) {
    const auto header = ReadEvalHeader(args[1]);
    return header ? header->flags : ScriptFlags{};
  }
  if (IsAnyOf(spec, "evalsha", "evalsha_ro")) {
    const auto* script = evals_.Find(args[1]);
    return script != nullptr ? script->second.flags : ScriptFlags{};
  }
  const auto* function = functions_.Current().FindFunction(args[1]);
  return function != nullptr ? function->flags : ScriptFlags{};
}

// ---- A script that takes long ----

void ScriptEngine::OnCount(lua_State* lua, lua_Debug*) {
  LuaState& state = LuaState::Of(lua);
  if (state.run != nullptr) {
    state.engine->OnCountOfRun(lua);
  } else if (state.load != nullptr) {
    CheckLoadTime(lua, *state.load);
  }
}

void ScriptEngine::OnCountOfRun(lua_State* lua) {
  if (!run_->is_late) {
    const auto threshold_ms = static_cast<std::uint64_t>(server_.Config().busy_reply_threshold_ms);
    const std::uint64_t taken_ms = (runtime::MonotonicNs() - run_->started_ns) / 1'000'000;
    if (threshold_ms == 0 || taken_ms < threshold_ms) return;
    BecomeLate();
  }
  if (server_.serve_while_busy) server_.serve_while_busy();
  if (!run_->is_killed) return;
  // From now on each line raises the error: a script that catches it does not get far.
  lua_sethook(lua, &OnCount, LUA_MASKLINE, 0);
  RaiseError(lua, "Script killed by user with SCRIPT KILL...");
}

void ScriptEngine::BecomeLate() {
  run_->is_late = true;
  server_.busy_error = run_->call.is_eval ? kScriptIsBusy : kFunctionIsBusy;
  server_.busy_client_id = run_->caller.client.id;
  runtime::LogWarning("the {} {} has run for longer than busy-reply-threshold; {} KILL ends it",
                      run_->call.is_eval ? "script" : "function", run_->call.name,
                      run_->call.is_eval ? "SCRIPT" : "FUNCTION");
}

void ScriptEngine::Kill(CommandContext& ctx, bool is_eval) {
  if (run_ == nullptr) {
    ctx.Error("NOTBUSY No scripts in execution right now.");
  } else if (run_->has_written) {
    ctx.Error(
        "UNKILLABLE Sorry the script already executed write commands against the dataset. You can "
        "either wait the script termination or kill the server in a hard way using the SHUTDOWN "
        "NOSAVE command.");
  } else if (run_->call.is_eval != is_eval) {
    ctx.Error(run_->call.is_eval ? kScriptIsBusy : kFunctionIsBusy);
  } else {
    run_->is_killed = true;
    ctx.reply.Ok();
  }
}

void ScriptEngine::Abandon() {
  if (run_ != nullptr) run_->is_killed = true;
}

void ScriptEngine::AbandonUnlessWritten() {
  if (run_ != nullptr && !run_->has_written) run_->is_killed = true;
}

ScriptFacts ScriptEngine::Facts() const {
  ScriptFacts facts;
  evals_.AddFacts(facts);
  functions_.AddFacts(facts);
  return facts;
}

}  // namespace slotway::storage
