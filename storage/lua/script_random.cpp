// SPDX-License-Identifier: Apache-2.0
#include "storage/lua/script_random.h"

#include <cmath>

#include "storage/lua/lua_error.h"
#include "storage/lua/lua_state.h"

namespace slotway::storage {
namespace {

// One of the values is never drawn, so that the quotient is below 1.
constexpr std::uint32_t kBound = 0x7FFFFFFF;

int MathRandom(lua_State* lua) {
  LuaState& state = LuaState::Of(lua);
  if (state.run == nullptr) {
    return luaL_error(lua, "math.random can only be called inside a script invocation");
  }
  const double drawn = static_cast<double>(state.random->Next() % kBound) / kBound;
  switch (lua_gettop(lua)) {
    case 0:
      lua_pushnumber(lua, drawn);
      return 1;
    case 1: {
      const int upper = luaL_checkint(lua, 1);
      luaL_argcheck(lua, 1 <= upper, 1, "interval is empty");
      lua_pushnumber(lua, std::floor(drawn * upper) + 1);
      return 1;
    }
    case 2: {
      const int lower = luaL_checkint(lua, 1);
      const int upper = luaL_checkint(lua, 2);
      luaL_argcheck(lua, lower <= upper, 2, "interval is empty");
      const double width = static_cast<double>(upper) - lower + 1;
      lua_pushnumber(lua, std::floor(drawn * width) + lower);
      return 1;
    }
    default:
      return luaL_error(lua, "wrong number of arguments");
  }
}

int MathRandomSeed(lua_State* lua) {
  LuaState& state = LuaState::Of(lua);
  if (state.run == nullptr) {
    return luaL_error(lua, "math.randomseed can only be called inside a script invocation");
  }
  state.random->Seed(luaL_checkint(lua, 1));
  return 0;
}

}  // namespace

const luaL_Reg kRandomFunctions[] = {
    {"random", &MathRandom}, {"randomseed", &MathRandomSeed}, {nullptr, nullptr}};

}  // namespace slotway::storage
