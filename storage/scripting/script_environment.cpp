// SPDX-License-Identifier: Apache-2.0
#include "storage/scripting/script_environment.h"

#include "storage/lua/lua_error.h"
#include "storage/lua/lua_sandbox.h"
#include "storage/scripting/library_loading.h"
#include "storage/scripting/redis_api.h"
#include "storage/scripting/script_engine.h"

namespace slotway::storage {
namespace {

constexpr const char* kLoadGlobals = "load globals";  // in the registry

void SetIndexOfGlobals(lua_State* lua) {
  lua_getmetatable(lua, LUA_GLOBALSINDEX);
  lua_insert(lua, -2);
  lua_setfield(lua, -2, "__index");
  lua_pop(lua, 1);
}

// Takes a table off the stack and puts it into another, under the name that Redis has for it and
// the one that Valkey 8 has.
void SetApi(lua_State* lua, int target) {
  const bool is_on_stack = target > LUA_REGISTRYINDEX;
  lua_pushvalue(lua, -1);
  lua_setfield(lua, is_on_stack ? target - 1 : target, "server");
  lua_setfield(lua, target, "redis");
}

// Leaves globals and error handler at the bottom of the stack.
void Finish(lua_State* lua) {
  lua_pushvalue(lua, LUA_GLOBALSINDEX);
  lua_pushvalue(lua, -1);
  SetGlobals(lua);
  PushErrorHandler(lua);
  lua_sethook(lua, &ScriptEngine::OnCount, LUA_MASKCOUNT, kInstructionsPerCount);
}

}  // namespace

void OpenEvalEnvironment(lua_State* lua) {
  OpenLibraries(lua);
  PushRedisApi(lua);
  AddEvalApi(lua);
  SetApi(lua, LUA_GLOBALSINDEX);
  PushErrorHandler(lua);
  lua_setglobal(lua, "__redis__err__handler");
  Finish(lua);
}

void OpenFunctionEnvironment(lua_State* lua) {
  OpenLibraries(lua);
  PushRedisApi(lua);
  SetApi(lua, LUA_GLOBALSINDEX);
  lua_newtable(lua);
  PushLoadApi(lua, &RegisterFunction);
  ReplaceByStandIn(lua, Absent::kIsAnError);
  SetApi(lua, -2);
  lua_newtable(lua);
  lua_pushcfunction(lua, &RaiseNonexistent);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
  lua_setfield(lua, LUA_REGISTRYINDEX, kLoadGlobals);
  Finish(lua);
}

void UseLoadGlobals(lua_State* lua) {
  lua_getfield(lua, LUA_REGISTRYINDEX, kLoadGlobals);
  SetIndexOfGlobals(lua);
}

void UseRunGlobals(lua_State* lua) {
  lua_pushvalue(lua, kGlobalsIndex);
  SetIndexOfGlobals(lua);
}

}  // namespace slotway::storage
