// SPDX-License-Identifier: Apache-2.0
#include "storage/scripting/library_loading.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "runtime/clock.h"
#include "storage/lua/lua_error.h"
#include "storage/lua/lua_sandbox.h"
#include "storage/scripting/script_engine.h"
#include "storage/scripting/script_environment.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kLoadMsMax = 500;

constexpr std::string_view kBadName =
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one "
    "character long";

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// The text at `index`, a number's included; nothing if it is neither. What is there stays as it is.
bool ReadText(lua_State* lua, int index, std::string& out) {
  if (lua_isstring(lua, index) == 0) return false;
  lua_pushvalue(lua, index);
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, -1, &length);
  out.assign(text, length);
  lua_pop(lua, 1);
  return true;
}

// Reads the list of flags on top; false when one of them is none.
bool ReadFlags(lua_State* lua, ScriptFlags& flags) {
  flags = {.are_declared = true};
  for (int i = 1;; ++i) {
    lua_rawgeti(lua, -1, i);
    const bool is_end = lua_isnil(lua, -1);
    const bool is_text = lua_isstring(lua, -1) != 0;
    std::string name = is_text ? lua_tostring(lua, -1) : "";
    lua_pop(lua, 1);
    if (is_end) return true;
    std::transform(name.begin(), name.end(), name.begin(), protocol::ToLowerAscii);
    const auto flag = ScriptFlagByName(name);
    if (!flag) return false;
    flags.Add(*flag);
  }
}

// The readers below return what is wrong; nullptr if nothing is.
const char* ReadNamedArgument(lua_State* lua, std::string_view name, ScriptFunction& function) {
  if (protocol::EqualsNoCase(name, "function_name")) {
    return ReadText(lua, -1, function.name)
               ? nullptr
               : "function_name argument given to redis.register_function must be a string";
  }
  if (protocol::EqualsNoCase(name, "description")) {
    function.description.emplace();
    return ReadText(lua, -1, *function.description)
               ? nullptr
               : "description argument given to redis.register_function must be a string";
  }
  if (protocol::EqualsNoCase(name, "callback")) {
    if (!lua_isfunction(lua, -1)) {
      return "callback argument given to redis.register_function must be a function";
    }
    luaL_unref(lua, LUA_REGISTRYINDEX, function.function);
    lua_pushvalue(lua, -1);
    function.function = luaL_ref(lua, LUA_REGISTRYINDEX);
    return nullptr;
  }
  if (protocol::EqualsNoCase(name, "flags")) {
    if (!lua_istable(lua, -1)) {
      return "flags argument to redis.register_function must be a table representing function "
             "flags";
    }
    return ReadFlags(lua, function.flags) ? nullptr : "unknown flag given";
  }
  return "unknown argument given to redis.register_function";
}

const char* ReadNamedArguments(lua_State* lua, ScriptFunction& function) {
  if (!lua_istable(lua, 1)) {
    return "calling redis.register_function with a single argument is only applicable to Lua table "
           "(representing named arguments).";
  }
  bool has_name = false;
  lua_pushnil(lua);
  while (lua_next(lua, 1) != 0) {
    std::string name;
    if (!ReadText(lua, -2, name)) {
      return "named argument key given to redis.register_function is not a string";
    }
    if (const char* error = ReadNamedArgument(lua, name, function)) return error;
    has_name = has_name || protocol::EqualsNoCase(name, "function_name");
    lua_pop(lua, 1);
  }
  if (!has_name) return "redis.register_function must get a function name argument";
  if (function.function == LUA_NOREF) {
    return "redis.register_function must get a callback argument";
  }
  return nullptr;
}

const char* ReadArguments(lua_State* lua, ScriptFunction& function) {
  const int count = lua_gettop(lua);
  if (count < 1 || count > 2) return "wrong number of arguments to redis.register_function";
  if (count == 1) return ReadNamedArguments(lua, function);
  if (!ReadText(lua, 1, function.name)) {
    return "first argument to redis.register_function must be a string";
  }
  if (!lua_isfunction(lua, 2)) {
    return "second argument to redis.register_function must be a function";
  }
  function.function = luaL_ref(lua, LUA_REGISTRYINDEX);
  return nullptr;
}

const char* Register(lua_State* lua, LibraryLoad& load) {
  load.function = {};
  load.function.flags.are_declared = true;
  load.function.function = LUA_NOREF;
  const char* error = ReadArguments(lua, load.function);
  if (error == nullptr && !IsName(load.function.name)) error = kBadName.data();
  if (error == nullptr && load.library.functions.contains(load.function.name)) {
    error = "Function already exists in the library";
  }
  if (error != nullptr) {
    luaL_unref(lua, LUA_REGISTRYINDEX, load.function.function);
    return error;
  }
  std::string name = load.function.name;
  load.library.functions.emplace(std::move(name), std::move(load.function));
  return nullptr;
}

}  // namespace

int RegisterFunction(lua_State* lua) {
  LuaState& state = LuaState::Of(lua);
  if (state.load == nullptr) {
    return RaiseError(lua, "redis.register_function can only be called on FUNCTION LOAD command");
  }
  const char* error = Register(lua, *state.load);
  return error != nullptr ? RaiseError(lua, error) : 0;
}

void CheckLoadTime(lua_State* lua, const LibraryLoad& load) {
  const std::uint64_t taken_ms = (runtime::MonotonicNs() - load.started_ns) / 1'000'000;
  if (taken_ms <= kLoadMsMax) return;
  lua_sethook(lua, &ScriptEngine::OnCount, LUA_MASKLINE, 0);
  RaiseError(lua, "FUNCTION LOAD timeout");
}

tl::expected<LibraryHeader, std::string> ReadLibraryHeader(std::string_view code) {
  if (!code.starts_with("#!")) return tl::unexpected<std::string>("ERR Missing library metadata");
  const auto shebang = ReadShebang(code);
  if (!shebang || shebang->words.empty())
    return tl::unexpected<std::string>("ERR Invalid library metadata");
  LibraryHeader header{.name = {}, .bytes = shebang->bytes};
  bool has_name = false;
  for (std::size_t i = 1; i < shebang->words.size(); ++i) {
    constexpr std::string_view kName = "name=";
    const std::string_view word = shebang->words[i];
    if (!protocol::EqualsNoCase(word.substr(0, kName.size()), kName)) {
      return tl::unexpected("ERR Invalid metadata value given: " + std::string(word));
    }
    if (has_name) {
      return tl::unexpected<std::string>(
          "ERR Invalid metadata value, name argument was given multiple times");
    }
    has_name = true;
    header.name = word.substr(kName.size());
  }
  if (!has_name) return tl::unexpected<std::string>("ERR Library name was not given");
  if (!IsName(header.name)) return tl::unexpected("ERR " + std::string(kBadName));
  const std::string engine = shebang->words.front().substr(2);
  if (!protocol::EqualsNoCase(engine, "lua")) {
    return tl::unexpected("ERR Engine '" + engine + "' not found");
  }
  return header;
}

tl::expected<void, std::string> RunLibrary(LuaState& state, FunctionLibrary& library,
                                           std::string_view text) {
  lua_State* lua = state.Lua();
  const LuaStackMark mark(lua);
  if (CompileText(lua, text, "@user_function") != 0) {
    return tl::unexpected("ERR Error compiling function: " + std::string(lua_tostring(lua, -1)));
  }
  LibraryLoad load{.library = library, .started_ns = runtime::MonotonicNs()};
  state.load = &load;
  UseLoadGlobals(lua);
  const int status = lua_pcall(lua, 0, 0, 0);
  UseRunGlobals(lua);
  state.load = nullptr;
  lua_sethook(lua, &ScriptEngine::OnCount, LUA_MASKCOUNT, kInstructionsPerCount);
  if (status == 0) return {};
  return tl::unexpected("ERR Error registering functions: " + DescribeError(lua).text);
}

}  // namespace slotway::storage
