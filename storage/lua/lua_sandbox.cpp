// SPDX-License-Identifier: Apache-2.0
#include "storage/lua/lua_sandbox.h"

#include <cstddef>

#include "storage/lua/lua_error.h"
#include "storage/lua/lua_libraries.h"
#include "storage/lua/script_random.h"

extern "C" {
#include <lua-bitop.h>
#include <lua-cjson.h>
}

namespace slotway::storage {
namespace {

// Their addresses are keys: of the original in a stand-in's metatable, and of what getmetatable("")
// answers in the registry.
constexpr char kOriginal = 0;
constexpr char kStringMetatable = 0;

void* KeyOf(const char& name) { return const_cast<char*>(&name); }

int RefuseToWrite(lua_State* lua) { return luaL_error(lua, kReadonlyError); }

// The same where no line of the script is to be named: Lua's own functions raise it so.
int RefuseToWriteHere(lua_State* lua) {
  lua_pushstring(lua, kReadonlyError);
  return lua_error(lua);
}

// Pushes the original and returns true if what is at `index` stands for one.
bool PushIfStandIn(lua_State* lua, int index) {
  if (lua_getmetatable(lua, index) == 0) return false;
  lua_pushlightuserdata(lua, KeyOf(kOriginal));
  lua_rawget(lua, -2);
  lua_remove(lua, -2);
  if (lua_istable(lua, -1)) return true;
  lua_pop(lua, 1);
  return false;
}

bool IsStandIn(lua_State* lua, int index) {
  const bool is_one = PushIfStandIn(lua, index);
  if (is_one) lua_pop(lua, 1);
  return is_one;
}

// ---- Functions that go past metatables ----

int Next(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_settop(lua, 2);
  if (PushIfStandIn(lua, 1)) lua_replace(lua, 1);
  if (lua_next(lua, 1) != 0) return 2;
  lua_pushnil(lua);
  return 1;
}

int Pairs(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_pushcfunction(lua, &Next);
  lua_pushvalue(lua, 1);
  lua_pushnil(lua);
  return 3;
}

int RawGet(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_checkany(lua, 2);
  lua_settop(lua, 2);
  if (PushIfStandIn(lua, 1)) lua_replace(lua, 1);
  lua_rawget(lua, 1);
  return 1;
}

int RawSet(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_checkany(lua, 2);
  luaL_checkany(lua, 3);
  lua_settop(lua, 3);
  if (IsStandIn(lua, 1)) return RefuseToWriteHere(lua);
  lua_rawset(lua, 1);
  return 1;
}

int SetMetatable(lua_State* lua) {
  const int type = lua_type(lua, 2);
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_argcheck(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
  if (luaL_getmetafield(lua, 1, "__metatable") != 0) {
    return luaL_error(lua, "cannot change a protected metatable");
  }
  lua_settop(lua, 2);
  if (IsStandIn(lua, 1)) return RefuseToWriteHere(lua);
  lua_setmetatable(lua, 1);
  return 1;
}

int GetMetatable(lua_State* lua) {
  luaL_checkany(lua, 1);
  lua_settop(lua, 1);
  if (lua_type(lua, 1) == LUA_TSTRING) {
    lua_pushlightuserdata(lua, KeyOf(kStringMetatable));
    lua_rawget(lua, LUA_REGISTRYINDEX);
    return 1;
  }
  const bool is_ours = PushIfStandIn(lua, 1);
  if (lua_getmetatable(lua, -1) == 0) {
    lua_pushnil(lua);
    return 1;
  }
  if (is_ours) {
    ReplaceByStandIn(lua, Absent::kIsNil);
  } else {
    luaL_getmetafield(lua, 1, "__metatable");
  }
  return 1;
}

int TableInsert(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  int end = static_cast<int>(lua_objlen(lua, 1)) + 1;
  int position = end;
  const int arguments = lua_gettop(lua);
  if (arguments == 3) {
    position = static_cast<int>(luaL_checkinteger(lua, 2));
  } else if (arguments != 2) {
    return luaL_error(lua, "wrong number of arguments to 'insert'");
  }
  if (IsStandIn(lua, 1)) return RefuseToWriteHere(lua);
  if (position > end) end = position;
  for (int i = end; i > position; --i) {
    lua_rawgeti(lua, 1, i - 1);
    lua_rawseti(lua, 1, i);
  }
  lua_rawseti(lua, 1, position);
  return 0;
}

int TableForeach(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_checktype(lua, 2, LUA_TFUNCTION);
  if (PushIfStandIn(lua, 1)) lua_replace(lua, 1);
  lua_pushnil(lua);
  while (lua_next(lua, 1) != 0) {
    lua_pushvalue(lua, 2);
    lua_pushvalue(lua, -3);
    lua_pushvalue(lua, -3);
    lua_call(lua, 2, 1);
    if (!lua_isnil(lua, -1)) return 1;
    lua_pop(lua, 2);
  }
  return 0;
}

// ---- Compiling ----

struct ChunkReader {
  const char* rest = nullptr;  // a text that is here as a whole, or a piece that was put off
  std::size_t rest_bytes = 0;
  bool calls_function = false;
  bool has_begun = false;
};

// Lua takes for bytecode what begins with an escape. Behind a space it is text, and wrong.
const char* Hand(ChunkReader& reader, const char* piece, std::size_t bytes, std::size_t* size) {
  if (!reader.has_begun) {
    reader.has_begun = true;
    if (bytes > 0 && *piece == LUA_SIGNATURE[0]) {
      reader.rest = piece;
      reader.rest_bytes = bytes;
      *size = 1;
      return " ";
    }
  }
  *size = bytes;
  return piece;
}

const char* ReadChunk(lua_State* lua, void* data, std::size_t* size) {
  auto& reader = *static_cast<ChunkReader*>(data);
  if (reader.rest != nullptr) {
    const char* piece = reader.rest;
    reader.rest = nullptr;
    return Hand(reader, piece, reader.rest_bytes, size);
  }
  *size = 0;
  if (!reader.calls_function) return nullptr;
  luaL_checkstack(lua, 2, "too many nested functions");
  lua_pushvalue(lua, 1);
  lua_call(lua, 0, 1);
  if (lua_isnil(lua, -1)) return nullptr;
  if (lua_isstring(lua, -1) == 0) luaL_error(lua, "reader function must return a string");
  lua_replace(lua, 3);  // keeps the piece alive
  std::size_t bytes = 0;
  const char* piece = lua_tolstring(lua, 3, &bytes);
  return Hand(reader, piece, bytes, size);
}

int Compile(lua_State* lua, ChunkReader& reader, const char* name) {
  if (lua_load(lua, &ReadChunk, &reader, name) == 0) return 1;
  lua_pushnil(lua);
  lua_insert(lua, -2);
  return 2;
}

int LoadString(lua_State* lua) {
  ChunkReader reader;
  reader.rest = luaL_checklstring(lua, 1, &reader.rest_bytes);
  return Compile(lua, reader, luaL_optstring(lua, 2, reader.rest));
}

int Load(lua_State* lua) {
  const char* name = luaL_optstring(lua, 2, "=(load)");
  luaL_checktype(lua, 1, LUA_TFUNCTION);
  lua_settop(lua, 3);
  ChunkReader reader;
  reader.calls_function = true;
  return Compile(lua, reader, name);
}

// ---- Others ----

// Gives a script the text of an error, as before errors were tables.
int Pcall(lua_State* lua) {
  if (lua_gettop(lua) == 0) lua_pushboolean(lua, 1);  // which cannot be called
  lua_pushboolean(lua, 1);
  lua_insert(lua, 1);
  if (lua_pcall(lua, lua_gettop(lua) - 2, LUA_MULTRET, 0) == 0) return lua_gettop(lua);
  if (lua_istable(lua, -1)) {
    lua_getfield(lua, -1, "err");
    if (lua_isstring(lua, -1) != 0) {
      lua_replace(lua, -2);
    } else {
      lua_pop(lua, 1);
    }
  }
  lua_pushboolean(lua, 0);
  lua_insert(lua, -2);
  return 2;
}

void SetFunctions(lua_State* lua, const luaL_Reg* functions) {
  for (; functions->name != nullptr; ++functions) {
    lua_pushcfunction(lua, functions->func);
    lua_setfield(lua, -2, functions->name);
  }
}

void OpenOne(lua_State* lua, const char* name, lua_CFunction open) {
  lua_pushcfunction(lua, open);
  lua_pushstring(lua, name);
  lua_call(lua, 1, 0);
}

void ReplaceIn(lua_State* lua, const char* library, const luaL_Reg* functions) {
  lua_getglobal(lua, library);
  SetFunctions(lua, functions);
  lua_pop(lua, 1);
}

constexpr luaL_Reg kBase[] = {{"next", &Next},
                              {"pairs", &Pairs},
                              {"rawget", &RawGet},
                              {"rawset", &RawSet},
                              {"setmetatable", &SetMetatable},
                              {"getmetatable", &GetMetatable},
                              {"loadstring", &LoadString},
                              {"load", &Load},
                              {"pcall", &Pcall},
                              {nullptr, nullptr}};
constexpr luaL_Reg kTable[] = {
    {"insert", &TableInsert}, {"foreach", &TableForeach}, {nullptr, nullptr}};

constexpr const char* kRemoved[] = {"dofile",  "loadfile", "print",   "getfenv",
                                    "setfenv", "newproxy", "require", "module"};

}  // namespace

int RaiseNonexistent(lua_State* lua) {
  if (lua_isstring(lua, -1) == 0) {
    return luaL_error(lua, "A global variable's name must be a string or number");
  }
  return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'",
                    lua_tostring(lua, -1));
}

int CompileText(lua_State* lua, std::string_view text, const char* name) {
  ChunkReader reader;
  reader.rest = text.data();
  reader.rest_bytes = text.size();
  return lua_load(lua, &ReadChunk, &reader, name);
}

void OpenLibraries(lua_State* lua) {
  OpenOne(lua, "", &luaopen_base);
  OpenOne(lua, LUA_TABLIBNAME, &luaopen_table);
  OpenOne(lua, LUA_STRLIBNAME, &luaopen_string);
  OpenOne(lua, LUA_MATHLIBNAME, &luaopen_math);
  OpenOne(lua, "bit", &luaopen_bit);
  MendBits(lua);
  lua_pushcfunction(lua, &luaopen_cjson);
  lua_call(lua, 0, 1);
  lua_setglobal(lua, "cjson");
  OpenMessagePack(lua);
  OpenStruct(lua);
  lua_pushvalue(lua, LUA_GLOBALSINDEX);
  SetFunctions(lua, kBase);
  for (const char* name : kRemoved) {
    lua_pushnil(lua);
    lua_setfield(lua, -2, name);
  }
  lua_pop(lua, 1);
  ReplaceIn(lua, LUA_TABLIBNAME, kTable);
  ReplaceIn(lua, LUA_MATHLIBNAME, kRandomFunctions);
}

void ReplaceByStandIn(lua_State* lua, Absent absent) {
  const int original = lua_gettop(lua);
  luaL_checkstack(lua, 6, "tables within tables");
  if (absent == Absent::kIsAnError) {
    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, &RaiseNonexistent);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, original);
  }
  lua_pushnil(lua);
  while (lua_next(lua, original) != 0) {
    if (lua_istable(lua, -1) && lua_rawequal(lua, -1, original) == 0 && !IsStandIn(lua, -1)) {
      ReplaceByStandIn(lua, Absent::kIsNil);
      lua_pushvalue(lua, -2);
      lua_insert(lua, -2);
      lua_rawset(lua, original);  // of a key that is there: next goes on
    } else {
      lua_pop(lua, 1);
    }
  }
  lua_createtable(lua, 0, 0);
  lua_createtable(lua, 0, 3);
  lua_pushvalue(lua, original);
  lua_setfield(lua, -2, "__index");
  lua_pushcfunction(lua, &RefuseToWrite);
  lua_setfield(lua, -2, "__newindex");
  lua_pushlightuserdata(lua, KeyOf(kOriginal));
  lua_pushvalue(lua, original);
  lua_rawset(lua, -3);
  lua_setmetatable(lua, -2);
  lua_replace(lua, original);
}

void SetGlobals(lua_State* lua) {
  const int globals = lua_gettop(lua);
  lua_pushvalue(lua, globals);
  ReplaceByStandIn(lua, Absent::kIsAnError);
  lua_pushvalue(lua, -1);
  lua_setfield(lua, globals, "_G");
  lua_replace(lua, LUA_GLOBALSINDEX);
  // What getmetatable("") answers. Strings themselves keep their own, which no script sees.
  lua_pushlightuserdata(lua, KeyOf(kStringMetatable));
  lua_createtable(lua, 0, 1);
  lua_getfield(lua, globals, LUA_STRLIBNAME);
  lua_setfield(lua, -2, "__index");
  ReplaceByStandIn(lua, Absent::kIsNil);
  lua_rawset(lua, LUA_REGISTRYINDEX);
  lua_pop(lua, 1);
}

void PushOriginal(lua_State* lua, int index) {
  if (!PushIfStandIn(lua, index)) lua_pushvalue(lua, index);
}

}  // namespace slotway::storage
