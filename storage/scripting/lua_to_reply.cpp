// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>

#include "protocol/resp_cursor.h"
#include "storage/lua/lua_error.h"
#include "storage/scripting/reply_conversion.h"

namespace slotway::storage {
namespace {

std::string_view TextAt(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, index, &length);
  return {text, length};
}

// As one line: in the place of what would end it are spaces.
std::string LineOf(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\r' || c == '\n') c = ' ';
  }
  return line;
}

std::int64_t CutOff(double number) {
  constexpr double kTop = 0x1p63;
  if (number >= -kTop && number < kTop) return static_cast<std::int64_t>(number);
  return INT64_MIN;  // what the cast gives on x86-64 where C leaves it open
}

class ReplyFromLuaWriter {
 public:
  ReplyFromLuaWriter(CommandContext& ctx, lua_State* lua, protocol::RespVersion script_version)
      : ctx_(ctx), lua_(lua), script_version_(script_version) {}

  // Writes the value on top and pops it.
  void Write() {
    // A table may contain itself: then the end of Lua's stack is the end of the reply.
    if (lua_checkstack(lua_, 4) == 0) {
      ctx_.Error("ERR reached lua stack limit");
      lua_pop(lua_, 1);
      return;
    }
    switch (lua_type(lua_, -1)) {
      case LUA_TSTRING:
        ctx_.reply.Bulk(TextAt(lua_, -1));
        break;
      case LUA_TBOOLEAN:
        WriteBoolean(lua_toboolean(lua_, -1) != 0);
        break;
      case LUA_TNUMBER:
        ctx_.reply.Integer(CutOff(lua_tonumber(lua_, -1)));
        break;
      case LUA_TTABLE:
        if (!WriteMarked()) WriteArray();
        break;
      default:
        ctx_.reply.Null();
    }
    lua_pop(lua_, 1);
  }

 private:
  void WriteBoolean(bool value) {
    if (script_version_ == protocol::RespVersion::kResp3) return ctx_.reply.Boolean(value);
    if (value) return ctx_.reply.Integer(1);
    ctx_.reply.Null();
  }

  // Pushes that field if it has this type.
  bool PushField(const char* name, int type) {
    lua_pushstring(lua_, name);
    lua_rawget(lua_, -2);
    if (lua_type(lua_, -1) == type) return true;
    lua_pop(lua_, 1);
    return false;
  }

  // A table that stands for something else than an array, because it has a certain field. It stays.
  bool WriteMarked() {
    const int table = lua_gettop(lua_);
    bool is_written = true;
    if (PushField("err", LUA_TSTRING)) {
      lua_settop(lua_, table);
      WriteError();
    } else if (PushField("ok", LUA_TSTRING)) {
      ctx_.reply.SimpleString(LineOf(TextAt(lua_, -1).data()));  // up to a zero
    } else if (PushField("double", LUA_TNUMBER)) {
      ctx_.reply.Double(lua_tonumber(lua_, -1));
    } else if (PushField("big_number", LUA_TSTRING)) {
      protocol::WriteBigNumber(ctx_.reply, ctx_.output, LineOf(TextAt(lua_, -1)));
    } else if (PushField("verbatim_string", LUA_TTABLE) && WriteVerbatim()) {
    } else if (lua_settop(lua_, table); PushField("map", LUA_TTABLE)) {
      ctx_.reply.Map(CountEntries());
      WriteEntries(/*with_values=*/true);
    } else if (PushField("set", LUA_TTABLE)) {
      ctx_.reply.Set(CountEntries());
      WriteEntries(/*with_values=*/false);
    } else {
      is_written = false;
    }
    lua_settop(lua_, table);
    return is_written;
  }

  void WriteError() {
    const ErrorInfo error = DescribeError(lua_);
    AnswerScriptError(ctx_, error.text, error.is_counted);
  }

  bool WriteVerbatim() {
    if (!PushField("format", LUA_TSTRING)) return false;
    lua_insert(lua_, -2);
    if (!PushField("string", LUA_TSTRING)) return false;
    std::string format(TextAt(lua_, -3).substr(0, 3));
    format.resize(3, 'x');
    ctx_.reply.Verbatim(format, TextAt(lua_, -1));
    return true;
  }

  std::size_t CountEntries() {
    std::size_t count = 0;
    lua_pushnil(lua_);
    while (lua_next(lua_, -2) != 0) {
      lua_pop(lua_, 1);
      ++count;
    }
    return count;
  }

  void WriteEntries(bool with_values) {
    lua_pushnil(lua_);
    while (lua_next(lua_, -2) != 0) {
      if (!with_values) lua_pop(lua_, 1);
      lua_pushvalue(lua_, with_values ? -2 : -1);
      Write();
      if (with_values) Write();
    }
  }

  void WriteArray() {
    int count = 0;
    for (bool is_end = false; !is_end;) {
      lua_rawgeti(lua_, -1, count + 1);
      is_end = lua_isnil(lua_, -1);
      lua_pop(lua_, 1);
      if (!is_end) ++count;
    }
    ctx_.reply.Array(static_cast<std::size_t>(count));
    for (int i = 1; i <= count; ++i) {
      lua_rawgeti(lua_, -1, i);
      Write();
    }
  }

  CommandContext& ctx_;
  lua_State* lua_;
  protocol::RespVersion script_version_;
};

}  // namespace

void AnswerScriptError(CommandContext& ctx, std::string_view text, bool is_counted) {
  if (is_counted) {
    ctx.CountedError(text);
    ctx.has_failed = true;
  } else {
    ctx.Error(text);
  }
}

void ReplyFromLua(CommandContext& ctx, lua_State* lua, protocol::RespVersion script_version) {
  ReplyFromLuaWriter(ctx, lua, script_version).Write();
}

}  // namespace slotway::storage
