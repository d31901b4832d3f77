// SPDX-License-Identifier: Apache-2.0
// Commands that a script calls: which may run, and how their replies get into Lua.
#include <charconv>
#include <cmath>
#include <cstdio>

#include "protocol/acl_text.h"
#include "protocol/slot.h"
#include "storage/commands/acl_access.h"
#include "storage/commands/command_call.h"
#include "storage/lua/lua_error.h"
#include "storage/scripting/reply_conversion.h"
#include "storage/scripting/script_engine.h"

namespace slotway::storage {
namespace {

using protocol::CommandFlag;
using protocol::CommandSpec;

// As printf's %.17g prints it.
std::string_view FormatNumber(double number, std::array<char, 32>& text) {
  constexpr double kExact = 1e15;
  if (number > -kExact && number < kExact && number == std::trunc(number) &&
      !(number == 0 && std::signbit(number))) {
    const auto end = std::to_chars(text.begin(), text.end(), static_cast<std::int64_t>(number)).ptr;
    return {text.data(), static_cast<std::size_t>(end - text.data())};
  }
  const int length = std::snprintf(text.data(), text.size(), "%.17g", number);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

bool ScriptEngine::TakeArguments(lua_State* lua) {
  const int count = lua_gettop(lua);
  if (count == 0) {
    PushError(lua, "Please specify at least one argument for this redis lib call");
    return false;
  }
  args_.resize(static_cast<std::size_t>(count));
  if (numbers_.size() < args_.size()) numbers_.resize(args_.size());
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (lua_type(lua, i + 1) == LUA_TNUMBER) {
      args_[index] = FormatNumber(lua_tonumber(lua, i + 1), numbers_[index]);
      continue;
    }
    std::size_t length = 0;
    const char* text = lua_tolstring(lua, i + 1, &length);
    if (text == nullptr) {
      lua_settop(lua, 0);
      PushError(lua, "Lua redis lib command arguments must be strings or integers");
      return false;
    }
    args_[index] = {text, length};
  }
  return true;
}

bool ScriptEngine::CallCommand(lua_State* lua) {
  if (!TakeArguments(lua)) return true;
  const CommandSpec* spec = protocol::FindRunnableCommand(args_);
  if (const std::string_view error = RefusalOf(spec); !error.empty()) {
    PushRefusal(lua, spec, error);
    return true;
  }
  output_.Clear();
  CallWithin(server_, client_, *spec, args_, output_);
  lua_settop(lua, 0);
  return PushReply(lua, ReplyText());
}

std::string_view ScriptEngine::ReplyText() {
  std::array<iovec, 2> pieces;
  if (output_.Gather(output_.Begin(), pieces) == 1) {
    return {static_cast<const char*>(pieces[0].iov_base), pieces[0].iov_len};
  }
  reply_text_.clear();
  output_.CopyTo(output_.Begin(), output_.Size(), reply_text_);
  return reply_text_;
}

std::string_view ScriptEngine::RefusalOf(const CommandSpec* spec) {
  if (spec == nullptr) return "ERR Unknown Redis command called from script";
  if (!spec->ArityFits(args_.size())) {
    return "ERR Wrong number of args calling Redis command from script";
  }
  if (spec->flags.Has(CommandFlag::kNoscript) && !server_.scripts_may_call_all) {
    return "ERR This Redis command is not allowed from script";
  }
  if (IsStale() && !spec->flags.Has(CommandFlag::kStale)) {
    return "ERR Can not execute the command on a stale replica";
  }
  if (client_.is_restricted && !MayRun(*spec)) return acl_refusal_;
  if (run_->is_read_only && (spec->IsWrite() || MayReplicate(*spec))) {
    return "ERR Write commands are not allowed from read-only scripts.";
  }
  // A script that has written must be able to go on.
  if (run_->began_over_memory && !run_->allows_oom && !run_->has_written &&
      spec->flags.Has(CommandFlag::kDenyoom)) {
    return protocol::error_text::kOom;
  }
  if (spec->IsWrite()) {
    if (server_.IsReadonly()) return kReadonly;
    const bool begins = !run_->has_written;
    if (begins && !server_.persistence.write_refusal.empty()) {
      return server_.persistence.write_refusal;
    }
    if (begins && server_.LacksReplicas(client_)) return kNoReplicas;
    run_->has_written = true;
  }
  if (server_.cluster.place_of_keys) [[unlikely]]
    return RefusalOfKeys(*spec);
  return {};
}

bool ScriptEngine::IsAllowed(const CommandSpec& spec) {
  return CheckAccess(client_, spec, args_, keys_).IsAllowed();
}

bool ScriptEngine::MayRun(const CommandSpec& spec) {
  const protocol::AclVerdict verdict = CheckAccess(client_, spec, args_, keys_);
  if (verdict.IsAllowed()) return true;
  acl_refusal_ = protocol::AclRefusalInScript(verdict);
  NoteDenial(server_, run_->caller.client, verdict, protocol::AclLogContext::kLua, spec, args_);
  return false;
}

std::string_view ScriptEngine::RefusalOfKeys(const CommandSpec& spec) {
  const bool has_keys =
      protocol::ExtractKeys(spec, args_, keys_) == protocol::KeyExtractionError::kNone &&
      !keys_.empty();
  if (!has_keys) return {};
  CommandContext ctx(server_, client_, spec, args_, output_);
  switch (server_.cluster.place_of_keys(ctx, keys_)) {
    case KeysPlace::kClusterDownReadonly:
      return "ERR Script attempted to execute a write command while the cluster is down and "
             "readonly";
    case KeysPlace::kClusterDown:
      return "ERR Script attempted to execute a command while the cluster is down";
    case KeysPlace::kElsewhere:
      return "ERR Script attempted to access a non local key in a cluster node";
    case KeysPlace::kHere:
      break;
  }
  if (run_->allows_cross_slot) return {};
  const int slot = protocol::ToInt(protocol::SlotOfKey(args_[keys_[0].index]));
  if (run_->slot == ScriptRun::kNoSlot) run_->slot = slot;
  if (run_->slot == slot) return {};
  return "ERR Script attempted to access keys that do not hash to the same slot";
}

void ScriptEngine::PushRefusal(lua_State* lua, const CommandSpec* spec, std::string_view error) {
  server_.stats.CountError(error);
  if (spec != nullptr) ++server_.stats.commands[protocol::IdOf(*spec)].rejected_calls;
  lua_settop(lua, 0);
  lua_createtable(lua, 0, 4);
  lua_pushlstring(lua, error.data(), error.size());
  lua_setfield(lua, -2, "err");
  MarkCounted(lua);
}

}  // namespace slotway::storage
