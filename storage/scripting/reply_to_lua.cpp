// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <string>

#include "protocol/resp_cursor.h"
#include "storage/lua/lua_error.h"
#include "storage/scripting/reply_conversion.h"

namespace slotway::storage {
namespace {

using protocol::RespCursor;
using protocol::RespElement;

void PushText(lua_State* lua, std::string_view text) {
  lua_pushlstring(lua, text.data(), text.size());
}

// {field = text}
void PushTextIn(lua_State* lua, const char* field, std::string_view text) {
  lua_createtable(lua, 0, 1);
  PushText(lua, text);
  lua_setfield(lua, -2, field);
}

void PushErrorReply(lua_State* lua, std::string_view text) {
  std::string with_sign = "-";
  with_sign += text;
  PushError(lua, with_sign);
  MarkCounted(lua);
}

void PushVerbatim(lua_State* lua, std::string_view text) {
  constexpr std::size_t kFormatBytes = 3;
  lua_createtable(lua, 0, 1);
  lua_createtable(lua, 0, 2);
  PushText(lua, text.substr(kFormatBytes + 1));
  lua_setfield(lua, -2, "string");
  PushText(lua, text.substr(0, kFormatBytes));
  lua_setfield(lua, -2, "format");
  lua_setfield(lua, -2, "verbatim_string");
}

void PushElement(lua_State* lua, RespCursor& cursor, const RespElement& element);

void PushArray(lua_State* lua, RespCursor& cursor, std::int64_t count) {
  lua_createtable(lua, static_cast<int>(count), 0);
  for (std::int64_t i = 1; i <= count; ++i) {
    PushElement(lua, cursor, cursor.NextBehindAttributes());
    lua_rawseti(lua, -2, static_cast<int>(i));
  }
}

void PushMap(lua_State* lua, RespCursor& cursor, std::int64_t pairs) {
  lua_createtable(lua, 0, 1);
  lua_createtable(lua, 0, static_cast<int>(pairs));
  for (std::int64_t i = 0; i < pairs; ++i) {
    PushElement(lua, cursor, cursor.NextBehindAttributes());
    PushElement(lua, cursor, cursor.NextBehindAttributes());
    lua_rawset(lua, -3);
  }
  lua_setfield(lua, -2, "map");
}

void PushSet(lua_State* lua, RespCursor& cursor, std::int64_t count) {
  lua_createtable(lua, 0, 1);
  lua_createtable(lua, 0, static_cast<int>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    PushElement(lua, cursor, cursor.NextBehindAttributes());
    lua_pushboolean(lua, 1);
    lua_rawset(lua, -3);
  }
  lua_setfield(lua, -2, "set");
}

void PushElement(lua_State* lua, RespCursor& cursor, const RespElement& element) {
  // Replies of commands are a few levels deep.
  lua_checkstack(lua, 6);
  const bool is_null = element.number == -1 && element.type != ':';
  switch (element.type) {
    case '$':
      if (is_null) return lua_pushboolean(lua, 0);
      return PushText(lua, element.text);
    case ':':
      return lua_pushnumber(lua, static_cast<double>(element.number));
    case '+':
      return PushTextIn(lua, "ok", element.text);
    case '-':
      return PushErrorReply(lua, element.text);
    case '*':
    case '>':
      if (is_null) return lua_pushboolean(lua, 0);
      return PushArray(lua, cursor, element.number);
    case '%':
      return PushMap(lua, cursor, element.number);
    case '~':
      return PushSet(lua, cursor, element.number);
    case '#':
      return lua_pushboolean(lua, element.text == "t");
    case '(':
      return PushTextIn(lua, "big_number", element.text);
    case '=':
      return PushVerbatim(lua, element.text);
    case ',':
      lua_createtable(lua, 0, 1);
      lua_pushnumber(lua, std::strtod(std::string(element.text).c_str(), nullptr));
      return lua_setfield(lua, -2, "double");
    default:
      return lua_pushnil(lua);  // '_'
  }
}

}  // namespace

bool PushReply(lua_State* lua, std::string_view reply) {
  RespCursor cursor(reply);
  const RespElement first = cursor.NextBehindAttributes();
  PushElement(lua, cursor, first);
  return first.type == '-';
}

}  // namespace slotway::storage
