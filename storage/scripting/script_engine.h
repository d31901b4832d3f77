// SPDX-License-Identifier: Apache-2.0
// Runs scripts and functions, and the commands that they call.
//
// There are two interpreters: one for EVAL's scripts, which SCRIPT FLUSH throws away, and one for
// functions. One script runs at a time, and none within another. Its clock stands still. One that
// has run for busy-reply-threshold lets the server serve others for moments, who may end it. Engine
// thread only.
#pragma once

#include <array>
#include <cstdint>
#include <lua.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/byte_queue.h"
#include "storage/commands/client_state.h"
#include "storage/commands/command_context.h"
#include "storage/commands/script_host.h"
#include "storage/lua/script_random.h"
#include "storage/scripting/eval_scripts.h"
#include "storage/scripting/function_libraries.h"
#include "storage/scripting/script_run.h"

namespace slotway::storage {

class ScriptEngine final : public ScriptHost {
 public:
  explicit ScriptEngine(ServerState& server);
  ~ScriptEngine() override;

  // The engine of a server that has one.
  static ScriptEngine& Of(ServerState& server) {
    return static_cast<ScriptEngine&>(*server.scripts);
  }

  EvalScripts& Evals() { return evals_; }
  FunctionLibraries& Functions() { return functions_; }
  ScriptRandom& Random() { return random_; }
  ServerState& Server() { return server_; }
  // What runs now; nullptr when nothing does.
  const ScriptRun* Current() const { return run_; }

  // Runs it and answers the command. REQUIRES: nothing runs.
  void Run(CommandContext& ctx, const ScriptCall& call);
  // Whether this request runs a script that has not promised not to write. For CLIENT PAUSE.
  bool MayWrite(const protocol::CommandSpec& spec, std::span<const std::string_view> args) const;
  bool NeedsMemory(const protocol::CommandSpec& spec,
                   std::span<const std::string_view> args) const override;
  bool DeclaresWrites(const protocol::CommandSpec& spec,
                      std::span<const std::string_view> args) const override;
  // SCRIPT KILL and FUNCTION KILL.
  void Kill(CommandContext& ctx, bool is_eval);

  ScriptFacts Facts() const override;
  std::string DumpFunctions() const override { return functions_.Dump(); }
  bool RestoreFunctions(std::string_view payload, FunctionRestore policy) override {
    return functions_.Restore(payload, policy).has_value();
  }
  void Abandon() override;
  // The same, unless half of what it does would stay.
  void AbandonUnlessWritten();

  // ---- For Lua ----

  // redis.call(): takes the arguments off Lua's stack and leaves the reply there, or an error
  // table; true if it is one.
  bool CallCommand(lua_State* lua);
  // Reads a call's arguments into Args(); pushes an error and returns false if they are none.
  bool TakeArguments(lua_State* lua);
  std::span<const std::string_view> Args() const { return args_; }
  // Whether the caller's user may run Args().
  bool IsAllowed(const protocol::CommandSpec& spec);
  void SetResp(protocol::RespVersion version) { client_.resp_version = version; }
  // Who is to repeat what it changes from now on.
  void SetAudience(Audience audience) { server_.propagation.Limit(audience); }
  // To be called now and then while Lua runs.
  static void OnCount(lua_State* lua, lua_Debug* where);

 private:
  // Of the script that a request asks for. REQUIRES: a command that runs scripts.
  ScriptFlags FlagsOf(const protocol::CommandSpec& spec,
                      std::span<const std::string_view> args) const;
  // An answer instead of running it; empty: run it.
  // Whether the data is not to be shown: see replica-serve-stale-data.
  bool IsStale() const;
  std::string_view Refusal(const ClientState& caller, const ScriptCall& call) const;
  void BeginRun(ScriptRun& run);
  void EndRun(LuaState& state);
  void AnswerError(CommandContext& ctx, lua_State* lua, const ScriptCall& call);
  void OnCountOfRun(lua_State* lua);
  void BecomeLate();

  // Why a command must not run within the script; empty: it may.
  std::string_view RefusalOf(const protocol::CommandSpec* spec);
  // Else the user's refusal is in acl_refusal_, and noted.
  bool MayRun(const protocol::CommandSpec& spec);
  std::string_view RefusalOfKeys(const protocol::CommandSpec& spec);
  void PushRefusal(lua_State* lua, const protocol::CommandSpec* spec, std::string_view error);
  std::string_view ReplyText();

  ServerState& server_;
  ScriptRandom random_;
  EvalScripts evals_;
  FunctionLibraries functions_;
  ScriptRun* run_ = nullptr;

  // What a call needs; used again by the next one.
  ClientState client_;
  std::vector<std::string_view> args_;
  std::vector<std::array<char, 32>> numbers_;  // texts of arguments that are numbers
  std::vector<protocol::KeyPosition> keys_;
  runtime::ByteQueue output_;
  std::string reply_text_;
  std::string acl_refusal_;
};

}  // namespace slotway::storage
