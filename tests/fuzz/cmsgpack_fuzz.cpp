// SPDX-License-Identifier: Apache-2.0
// Input: bytes as cmsgpack.unpack takes them. What is taken can be packed, and without tables that
// is taken again and packed as the same. Of tables the order of keys is open, and what is too deep
// to be packed becomes nil; nil for a key is refused.
#include <string>

#include "storage/lua/lua_libraries.h"
#include "storage/lua/lua_state.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using slotway::storage::LuaState;

// Replaces the stack by what the function gives for what is on it; false if it raises an error.
bool Call(lua_State* lua, const char* name) {
  const int arguments = lua_gettop(lua);
  lua_getglobal(lua, "cmsgpack");
  lua_getfield(lua, -1, name);
  lua_insert(lua, 1);
  lua_pop(lua, 1);
  return lua_pcall(lua, arguments, LUA_MULTRET, 0) == 0;
}

bool HasTable(lua_State* lua) {
  for (int i = 1; i <= lua_gettop(lua); ++i) {
    if (lua_istable(lua, i)) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  LuaState state;
  lua_State* lua = state.Lua();
  slotway::storage::OpenMessagePack(lua);
  const std::string_view input = slotway::fuzz::AsText(data, size);
  lua_pushlstring(lua, input.data(), input.size());
  if (!Call(lua, "unpack") || lua_gettop(lua) == 0) return 0;
  const bool has_table = HasTable(lua);
  FUZZ_CHECK(Call(lua, "pack"));
  const std::string packed(lua_tostring(lua, 1), lua_objlen(lua, 1));
  if (!Call(lua, "unpack")) {
    FUZZ_CHECK(has_table);
    return 0;
  }
  FUZZ_CHECK(Call(lua, "pack"));
  const std::string again(lua_tostring(lua, 1), lua_objlen(lua, 1));
  FUZZ_CHECK(has_table || again == packed);
  return 0;
}
