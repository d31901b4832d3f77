// SPDX-License-Identifier: Apache-2.0
#include "storage/scripting/redis_api.h"

#include <charconv>
#include <string>
#include <string_view>

#include "protocol/server_version.h"
#include "runtime/log.h"
#include "runtime/sha1.h"
#include "storage/lua/lua_error.h"
#include "storage/lua/lua_state.h"
#include "storage/scripting/script_engine.h"

namespace slotway::storage {
namespace {

// Levels of redis.log().
enum Level : int { kDebug, kVerbose, kNotice, kWarning };
// Where redis.set_repl() sends writes: bits of Audience.
enum Replication : int { kNowhere = 0, kAof = 1, kReplicas = 2, kEverywhere = 3 };

template <bool raises>
int CallCommand(lua_State* lua) {
  LuaState& state = LuaState::Of(lua);
  if (state.run == nullptr) {
    return RaiseError(lua, "redis.call/pcall can only be called inside a script invocation");
  }
  const bool is_error = state.engine->CallCommand(lua);
  return raises && is_error ? lua_error(lua) : 1;
}

int Sha1Hex(lua_State* lua) {
  if (lua_gettop(lua) != 1) return RaiseError(lua, "wrong number of arguments");
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, 1, &length);
  const auto digest = runtime::Sha1(std::string_view(text, length));
  constexpr char kDigits[] = "0123456789abcdef";
  char hex[2 * sizeof digest];
  for (std::size_t i = 0; i < digest.size(); ++i) {
    hex[2 * i] = kDigits[digest[i] >> 4];
    hex[2 * i + 1] = kDigits[digest[i] & 15];
  }
  lua_pushlstring(lua, hex, sizeof hex);
  return 1;
}

bool HasOneText(lua_State* lua) {
  if (lua_gettop(lua) == 1 && lua_type(lua, 1) == LUA_TSTRING) return true;
  PushError(lua, "wrong number or type of arguments");
  return false;
}

int ErrorReply(lua_State* lua) {
  if (!HasOneText(lua)) return 1;
  if (*lua_tostring(lua, 1) != '-') {
    lua_pushliteral(lua, "-");
    lua_insert(lua, 1);
    lua_concat(lua, 2);
  }
  PushError(lua, lua_tostring(lua, 1));
  return 1;
}

int StatusReply(lua_State* lua) {
  if (!HasOneText(lua)) return 1;
  lua_createtable(lua, 0, 1);
  lua_pushvalue(lua, 1);
  lua_setfield(lua, -2, "ok");
  return 1;
}

int SetRepl(lua_State* lua) {
  if (LuaState::Of(lua).run == nullptr) {
    return RaiseError(lua, "redis.set_repl can only be called inside a script invocation");
  }
  if (lua_gettop(lua) != 1) return RaiseError(lua, "redis.set_repl() requires two arguments.");
  const auto where = static_cast<int>(lua_tonumber(lua, 1));
  if ((where & ~kEverywhere) != 0) {
    return RaiseError(
        lua, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  }
  LuaState::Of(lua).engine->SetAudience(static_cast<Audience>(where));
  return 0;
}

// Whether the script's user might call it: no refusal, so nothing for ACL LOG.
int AclCheckCmd(lua_State* lua) {
  LuaState& state = LuaState::Of(lua);
  if (state.run == nullptr) {
    return RaiseError(lua, "redis.acl_check_cmd can only be called inside a script invocation");
  }
  if (!state.engine->TakeArguments(lua)) return lua_error(lua);
  const protocol::CommandSpec* spec = protocol::FindRunnableCommand(state.engine->Args());
  const bool is_allowed = spec != nullptr && state.engine->IsAllowed(*spec);
  lua_settop(lua, 0);
  if (spec == nullptr) return RaiseError(lua, "Invalid command passed to redis.acl_check_cmd()");
  lua_pushboolean(lua, is_allowed ? 1 : 0);
  return 1;
}

runtime::LogLevel LogLevelOf(int level) {
  if (level == kWarning) return runtime::LogLevel::kWarning;
  return level == kNotice ? runtime::LogLevel::kInfo : runtime::LogLevel::kDebug;
}

int Log(lua_State* lua) {
  const int arguments = lua_gettop(lua);
  if (arguments < 2) return RaiseError(lua, "redis.log() requires two arguments or more.");
  if (lua_isnumber(lua, 1) == 0) {
    return RaiseError(lua, "First argument must be a number (log level).");
  }
  const auto level = static_cast<int>(lua_tonumber(lua, 1));
  if (level < kDebug || level > kWarning) return RaiseError(lua, "Invalid debug level.");
  if (!runtime::IsLogged(LogLevelOf(level))) return 0;
  std::string text;
  for (int i = 2; i <= arguments; ++i) {
    if (lua_isstring(lua, i) == 0) continue;
    if (i > 2) text += ' ';
    std::size_t length = 0;
    const char* part = lua_tolstring(lua, i, &length);
    text.append(part, length);
  }
  runtime::WriteLog(LogLevelOf(level), text);
  return 0;
}

int SetResp(lua_State* lua) {
  LuaState& state = LuaState::Of(lua);
  if (state.run == nullptr) {
    return RaiseError(lua, "redis.setresp can only be called inside a script invocation");
  }
  if (lua_gettop(lua) != 1) return RaiseError(lua, "redis.setresp() requires one argument.");
  const auto version = static_cast<int>(lua_tonumber(lua, 1));
  if (version != 2 && version != 3) return RaiseError(lua, "RESP version must be 2 or 3.");
  state.engine->SetResp(static_cast<protocol::RespVersion>(version));
  return 0;
}

// There is no debugger.
int Breakpoint(lua_State* lua) {
  lua_pushboolean(lua, 0);
  return 1;
}
int Debug(lua_State*) { return 0; }

// Single commands are always what is replicated.
int ReplicateCommands(lua_State* lua) {
  lua_pushboolean(lua, 1);
  return 1;
}

struct Constant {
  const char* name;
  int value;
};

void SetFunctions(lua_State* lua, std::span<const luaL_Reg> functions) {
  for (const luaL_Reg& function : functions) {
    lua_pushcfunction(lua, function.func);
    lua_setfield(lua, -2, function.name);
  }
}

void SetConstants(lua_State* lua, std::span<const Constant> constants) {
  for (const Constant& constant : constants) {
    lua_pushinteger(lua, constant.value);
    lua_setfield(lua, -2, constant.name);
  }
}

// 7.2.5 is 0x070205.
int VersionNumber(std::string_view version) {
  int number = 0;
  const char* at = version.data();
  const char* const end = at + version.size();
  for (int i = 0; i < 3; ++i) {
    int part = 0;
    at = std::from_chars(at, end, part).ptr;
    number = number << 8 | part;
    if (at < end) ++at;  // the dot
  }
  return number;
}

void SetLogAndVersion(lua_State* lua) {
  static constexpr luaL_Reg kFunctions[] = {{"log", &Log}};
  static constexpr Constant kLevels[] = {{"LOG_DEBUG", kDebug},
                                         {"LOG_VERBOSE", kVerbose},
                                         {"LOG_NOTICE", kNotice},
                                         {"LOG_WARNING", kWarning}};
  SetFunctions(lua, kFunctions);
  SetConstants(lua, kLevels);
  lua_pushlstring(lua, protocol::kRedisVersion.data(), protocol::kRedisVersion.size());
  lua_setfield(lua, -2, "REDIS_VERSION");
  lua_pushinteger(lua, VersionNumber(protocol::kRedisVersion));
  lua_setfield(lua, -2, "REDIS_VERSION_NUM");
}

}  // namespace

void PushRedisApi(lua_State* lua) {
  static constexpr luaL_Reg kFunctions[] = {
      {"call", &CallCommand<true>},    {"pcall", &CallCommand<false>}, {"sha1hex", &Sha1Hex},
      {"error_reply", &ErrorReply},    {"status_reply", &StatusReply}, {"set_repl", &SetRepl},
      {"acl_check_cmd", &AclCheckCmd}, {"setresp", &SetResp}};
  static constexpr Constant kReplication[] = {{"REPL_NONE", kNowhere},
                                              {"REPL_AOF", kAof},
                                              {"REPL_SLAVE", kReplicas},
                                              {"REPL_REPLICA", kReplicas},
                                              {"REPL_ALL", kEverywhere}};
  lua_newtable(lua);
  SetFunctions(lua, kFunctions);
  SetConstants(lua, kReplication);
  SetLogAndVersion(lua);
}

void PushLoadApi(lua_State* lua, lua_CFunction register_function) {
  lua_newtable(lua);
  SetLogAndVersion(lua);
  lua_pushcfunction(lua, register_function);
  lua_setfield(lua, -2, "register_function");
}

void AddEvalApi(lua_State* lua) {
  static constexpr luaL_Reg kFunctions[] = {
      {"breakpoint", &Breakpoint}, {"debug", &Debug}, {"replicate_commands", &ReplicateCommands}};
  SetFunctions(lua, kFunctions);
}

}  // namespace slotway::storage
