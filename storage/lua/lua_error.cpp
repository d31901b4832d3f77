// SPDX-License-Identifier: Apache-2.0
#include "storage/lua/lua_error.h"

namespace slotway::storage {
namespace {

bool IsLineEnd(char c) { return c == '\r' || c == '\n'; }

std::string_view WithoutLineEnds(std::string_view text) {
  while (!text.empty() && IsLineEnd(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsLineEnd(text.back())) text.remove_suffix(1);
  return text;
}

void SetField(lua_State* lua, const char* name, std::string_view text) {
  lua_pushlstring(lua, text.data(), text.size());
  lua_setfield(lua, -2, name);
}

// Errors in a C function are reported where it was called: that is what the script's author knows.
bool FindPlace(lua_State* lua, lua_Debug& place) {
  if (lua_getstack(lua, 1, &place) == 0) return false;
  lua_getinfo(lua, "Sl", &place);
  if (*place.what != 'C') return true;
  if (lua_getstack(lua, 2, &place) == 0) return false;
  lua_getinfo(lua, "Sl", &place);
  return true;
}

// What tostring() gives, without asking the script's metatables.
void PushText(lua_State* lua, int index) {
  switch (lua_type(lua, index)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
      lua_pushvalue(lua, index);
      lua_tostring(lua, -1);
      return;
    case LUA_TNIL:
      lua_pushliteral(lua, "nil");
      return;
    case LUA_TBOOLEAN:
      lua_pushstring(lua, lua_toboolean(lua, index) != 0 ? "true" : "false");
      return;
    default:
      lua_pushfstring(lua, "%s: %p", luaL_typename(lua, index), lua_topointer(lua, index));
  }
}

int HandleError(lua_State* lua) {
  lua_settop(lua, 1);
  lua_Debug place;
  const bool is_known = FindPlace(lua, place);
  if (!lua_istable(lua, 1)) {
    lua_createtable(lua, 0, 3);
    lua_pushliteral(lua, "ERR ");
    PushText(lua, 1);
    lua_concat(lua, 2);
    lua_setfield(lua, -2, "err");
  }
  if (is_known) {
    SetField(lua, "source", place.source);
    lua_pushinteger(lua, place.currentline);
    lua_setfield(lua, -2, "line");
  }
  return 1;
}

std::string FieldText(lua_State* lua, const char* name) {
  lua_pushstring(lua, name);
  lua_rawget(lua, -2);
  // A number is turned into its text here, on the stack alone.
  std::string text = lua_isstring(lua, -1) != 0 ? lua_tostring(lua, -1) : "";
  lua_pop(lua, 1);
  return text;
}

}  // namespace

void PushError(lua_State* lua, std::string_view text) {
  std::string_view code = "ERR";
  if (text.starts_with('-')) {
    text.remove_prefix(1);
    const auto space = text.find(' ');
    if (space != std::string_view::npos) {
      code = text.substr(0, space);
      text.remove_prefix(space + 1);
    }
  }
  text = WithoutLineEnds(text.substr(0, text.find('\0')));
  lua_createtable(lua, 0, 3);
  lua_pushlstring(lua, code.data(), code.size());
  lua_pushliteral(lua, " ");
  lua_pushlstring(lua, text.data(), text.size());
  lua_concat(lua, 3);
  lua_setfield(lua, -2, "err");
}

int RaiseError(lua_State* lua, std::string_view text) {
  PushError(lua, text);
  return lua_error(lua);
}

void MarkCounted(lua_State* lua) {
  lua_pushboolean(lua, 1);
  lua_setfield(lua, -2, "ignore_error_stats_update");
}

void PushErrorHandler(lua_State* lua) { lua_pushcfunction(lua, &HandleError); }

ErrorInfo DescribeError(lua_State* lua) {
  ErrorInfo info;
  if (!lua_istable(lua, -1)) {
    info.text = "ERR ";
    if (lua_isstring(lua, -1) != 0) info.text += lua_tostring(lua, -1);
    return info;
  }
  info.text = WithoutLineEnds(FieldText(lua, "err"));
  if (info.text.empty()) info.text = "ERR unknown error";
  info.source = FieldText(lua, "source");
  info.line = FieldText(lua, "line");
  lua_pushliteral(lua, "ignore_error_stats_update");
  lua_rawget(lua, -2);
  info.is_counted = lua_isboolean(lua, -1) && lua_toboolean(lua, -1) != 0;
  lua_pop(lua, 1);
  return info;
}

}  // namespace slotway::storage
