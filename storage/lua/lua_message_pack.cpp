// SPDX-License-Identifier: Apache-2.0
// cmsgpack: Lua values as MessagePack and back.
//
//   00-7f  number        a0-bf  string, 5 bits    c0 nil  c2 false  c3 true
//   80-8f  map, 4 bits   ca f32  cb f64           cc-cf u8..u64     d0-d3 i8..i64
//   90-9f  array         d9-db  string, 8..32     dc dd array       de df map      e0-ff -32..-1
// All numbers are big endian. Source: the MessagePack specification; what it calls bin and ext is
// not known here, as in the library of Redis. Input of unpack comes from outside: its depth is
// bounded by Lua's stack.
#include <bit>
#include <climits>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/lua/lua_libraries.h"
#include "storage/lua/lua_sandbox.h"
#include "storage/lua/lua_state.h"
#include "storage/persistence/byte_reader.h"

namespace slotway::storage {
namespace {

// ---- Packing ----

// Deeper tables become nil: tables may be circular.
constexpr int kPackDepthMax = 16;

void AddBigEndian(std::string& out, unsigned char type, std::uint64_t value, int bytes) {
  out.push_back(static_cast<char>(type));
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift));
  }
}

struct LengthCodes {
  unsigned char small;
  std::size_t small_max;
  unsigned char bits8;  // 0: there is none
  unsigned char bits16;
  unsigned char bits32;
};
constexpr LengthCodes kStringCodes{0xa0, 31, 0xd9, 0xda, 0xdb};
constexpr LengthCodes kArrayCodes{0x90, 15, 0, 0xdc, 0xdd};
constexpr LengthCodes kMapCodes{0x80, 15, 0, 0xde, 0xdf};

void AddLength(std::string& out, const LengthCodes& codes, std::size_t length) {
  if (length <= codes.small_max) {
    out.push_back(static_cast<char>(codes.small | length));
  } else if (length <= 0xff && codes.bits8 != 0) {
    AddBigEndian(out, codes.bits8, length, 1);
  } else if (length <= 0xffff) {
    AddBigEndian(out, codes.bits16, length, 2);
  } else {
    AddBigEndian(out, codes.bits32, length, 4);
  }
}

void AddInteger(std::string& out, std::int64_t n) {
  const auto bits = static_cast<std::uint64_t>(n);
  if (n >= -32 && n <= 127) {
    out.push_back(static_cast<char>(n));
  } else if (n >= 0) {
    if (bits <= 0xff) return AddBigEndian(out, 0xcc, bits, 1);
    if (bits <= 0xffff) return AddBigEndian(out, 0xcd, bits, 2);
    if (bits <= 0xffffffff) return AddBigEndian(out, 0xce, bits, 4);
    AddBigEndian(out, 0xcf, bits, 8);
  } else {
    if (n >= INT8_MIN) return AddBigEndian(out, 0xd0, bits, 1);
    if (n >= INT16_MIN) return AddBigEndian(out, 0xd1, bits, 2);
    if (n >= INT32_MIN) return AddBigEndian(out, 0xd2, bits, 4);
    AddBigEndian(out, 0xd3, bits, 8);
  }
}

bool IsInteger(double n, double below) {
  return n >= -below && n < below && n == static_cast<double>(static_cast<std::int64_t>(n));
}

void AddNumber(std::string& out, double n) {
  if (IsInteger(n, 0x1p63)) return AddInteger(out, static_cast<std::int64_t>(n));
  const auto narrow = static_cast<float>(n);
  if (static_cast<double>(narrow) == n) {
    AddBigEndian(out, 0xca, std::bit_cast<std::uint32_t>(narrow), 4);
  } else {
    AddBigEndian(out, 0xcb, std::bit_cast<std::uint64_t>(n), 8);
  }
}

struct TableShape {
  std::size_t entries = 0;
  bool is_array = true;  // the keys are 1 to `entries`
};

// Of the table on top.
TableShape ShapeOf(lua_State* lua) {
  TableShape shape;
  double largest = 0;
  lua_pushnil(lua);
  while (lua_next(lua, -2) != 0) {
    lua_pop(lua, 1);
    ++shape.entries;
    if (!shape.is_array) continue;
    const double key = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : 0;
    shape.is_array = key > 0 && IsInteger(key, 0x1p31);
    if (key > largest) largest = key;
  }
  shape.is_array = shape.is_array && largest == static_cast<double>(shape.entries);
  return shape;
}

// The packers below pop what they pack.
void AddValue(lua_State* lua, std::string& out, int depth);

void AddTable(lua_State* lua, std::string& out, int depth) {
  luaL_checkstack(lua, 5, "tables within tables");
  PushOriginal(lua, -1);
  lua_replace(lua, -2);
  const TableShape shape = ShapeOf(lua);
  AddLength(out, shape.is_array ? kArrayCodes : kMapCodes, shape.entries);
  if (shape.is_array) {
    for (std::size_t i = 1; i <= shape.entries; ++i) {
      lua_rawgeti(lua, -1, static_cast<int>(i));
      AddValue(lua, out, depth + 1);
    }
  } else {
    lua_pushnil(lua);
    while (lua_next(lua, -2) != 0) {
      lua_pushvalue(lua, -2);
      AddValue(lua, out, depth + 1);
      AddValue(lua, out, depth + 1);
    }
  }
  lua_pop(lua, 1);
}

void AddValue(lua_State* lua, std::string& out, int depth) {
  switch (lua_type(lua, -1)) {
    case LUA_TSTRING: {
      std::size_t length = 0;
      const char* text = lua_tolstring(lua, -1, &length);
      AddLength(out, kStringCodes, length);
      out.append(text, length);
      break;
    }
    case LUA_TBOOLEAN:
      out.push_back(lua_toboolean(lua, -1) != 0 ? '\xc3' : '\xc2');
      break;
    case LUA_TNUMBER:
      AddNumber(out, lua_tonumber(lua, -1));
      break;
    case LUA_TTABLE:
      if (depth < kPackDepthMax) return AddTable(lua, out, depth);
      [[fallthrough]];
    default:
      out.push_back('\xc0');
  }
  lua_pop(lua, 1);
}

int Pack(lua_State* lua) {
  const int arguments = lua_gettop(lua);
  if (arguments == 0) return luaL_argerror(lua, 0, "MessagePack pack needs input.");
  // No metamethod runs meanwhile, so there is one at a time.
  std::string& out = LuaState::Of(lua).scratch;
  out.clear();
  for (int i = 1; i <= arguments; ++i) {
    luaL_checkstack(lua, 1, "too many arguments");
    lua_pushvalue(lua, i);
    AddValue(lua, out, 0);
  }
  lua_pushlstring(lua, out.data(), out.size());
  LuaState::Of(lua).TrimScratch();
  return 1;
}

// ---- Unpacking ----

enum class Fault : std::uint8_t { kNone, kMissingBytes, kBadFormat };

class Unpacker {
 public:
  Unpacker(lua_State* lua, std::string_view bytes) : lua_(lua), bytes_(bytes) {}
  bool AtEnd() const { return bytes_.AtEnd(); }
  std::size_t At() const { return bytes_.At(); }
  Fault fault() const { return bytes_.Ok() ? fault_ : Fault::kMissingBytes; }

  // Pushes the next value; what is on the stack after a fault means nothing.
  bool PushValue() {
    luaL_checkstack(lua_, 3,
                    "too many return values at once; use unpack_one or unpack_limit instead.");
    const std::uint8_t type = bytes_.Byte();
    if (!bytes_.Ok()) return false;
    if (type <= 0x7f || type >= 0xe0) return Push(static_cast<std::int8_t>(type));
    if (type <= 0x8f) return PushMap(type & 0x0f);
    if (type <= 0x9f) return PushArray(type & 0x0f);
    if (type <= 0xbf) return PushString(type & 0x1f);
    return PushMarked(type);
  }

 private:
  bool PushMarked(std::uint8_t type) {
    switch (type) {
      case 0xc0:
        lua_pushnil(lua_);
        return true;
      case 0xc2:
        lua_pushboolean(lua_, 0);
        return true;
      case 0xc3:
        lua_pushboolean(lua_, 1);
        return true;
      case 0xca:
        return PushFloat(std::bit_cast<float>(static_cast<std::uint32_t>(Read(4))));
      case 0xcb:
        return PushFloat(std::bit_cast<double>(Read(8)));
      case 0xcc:
        return Push(static_cast<std::int64_t>(Read(1)));
      case 0xcd:
        return Push(static_cast<std::int64_t>(Read(2)));
      case 0xce:
        return Push(static_cast<std::int64_t>(Read(4)));
      case 0xcf:
        return Push(static_cast<std::int64_t>(Read(8)));  // beyond 2^63 negative, as there
      case 0xd0:
        return Push(static_cast<std::int8_t>(Read(1)));
      case 0xd1:
        return Push(static_cast<std::int16_t>(Read(2)));
      case 0xd2:
        return Push(static_cast<std::int32_t>(Read(4)));
      case 0xd3:
        return Push(static_cast<std::int64_t>(Read(8)));
      case 0xd9:
        return PushString(Read(1));
      case 0xda:
        return PushString(Read(2));
      case 0xdb:
        return PushString(Read(4));
      case 0xdc:
        return PushArray(Read(2));
      case 0xdd:
        return PushArray(Read(4));
      case 0xde:
        return PushMap(Read(2));
      case 0xdf:
        return PushMap(Read(4));
      default:
        fault_ = Fault::kBadFormat;
        return false;
    }
  }

  std::uint64_t Read(std::size_t bytes) { return bytes_.BigEndian(bytes); }
  bool Push(std::int64_t number) { return PushFloat(static_cast<double>(number)); }
  bool PushFloat(double number) {
    lua_pushnumber(lua_, number);
    return bytes_.Ok();
  }
  bool PushString(std::uint64_t length) {
    const std::string_view text = bytes_.Take(length);
    lua_pushlstring(lua_, text.data(), text.size());
    return bytes_.Ok();
  }
  bool PushArray(std::uint64_t count) {
    lua_newtable(lua_);
    for (std::uint64_t i = 1; i <= count && bytes_.Ok(); ++i) {
      lua_pushnumber(lua_, static_cast<double>(i));
      if (!PushValue()) return false;
      lua_rawset(lua_, -3);
    }
    return bytes_.Ok();
  }
  bool PushMap(std::uint64_t count) {
    lua_newtable(lua_);
    for (std::uint64_t i = 0; i < count && bytes_.Ok(); ++i) {
      if (!PushValue() || !PushValue()) return false;
      lua_rawset(lua_, -3);
    }
    return bytes_.Ok();
  }

  lua_State* lua_;
  ByteReader bytes_;
  Fault fault_ = Fault::kNone;
};

struct Range {
  lua_Integer limit = INT_MAX;
  lua_Integer offset = 0;
  bool answers_offset = false;  // where to go on, -1 at the end, comes first
};

int UnpackRange(lua_State* lua, const Range& range) {
  std::size_t length = 0;
  const char* bytes = luaL_checklstring(lua, 1, &length);
  if (range.offset < 0 || range.limit < 0) {
    return luaL_error(lua, "Invalid request to unpack with offset of %d and limit of %d.",
                      static_cast<int>(range.offset), static_cast<int>(length));
  }
  const auto offset = static_cast<std::size_t>(range.offset);
  if (offset > length) {
    return luaL_error(lua, "Start offset %d greater than input length %d.",
                      static_cast<int>(offset), static_cast<int>(length));
  }
  lua_settop(lua, 1);
  Unpacker unpacker(lua, std::string_view(bytes, length).substr(offset));
  lua_Integer count = 0;
  for (; !unpacker.AtEnd() && count < range.limit; ++count) {
    if (unpacker.PushValue()) continue;
    return luaL_error(lua, unpacker.fault() == Fault::kMissingBytes ? "Missing bytes in input."
                                                                    : "Bad data format in input.");
  }
  if (!range.answers_offset) return static_cast<int>(count);
  luaL_checkstack(lua, 1, "too many values");
  const std::size_t at = offset + unpacker.At();
  lua_pushnumber(lua, unpacker.AtEnd() ? -1 : static_cast<double>(at));
  lua_insert(lua, 2);
  return static_cast<int>(count) + 1;
}

int Unpack(lua_State* lua) { return UnpackRange(lua, {}); }

// Neither a limit nor an offset means all, without the place to go on.
int UnpackSome(lua_State* lua, lua_Integer limit, lua_Integer offset) {
  if (limit == 0 && offset == 0) return Unpack(lua);
  return UnpackRange(lua, {.limit = limit, .offset = offset, .answers_offset = true});
}
int UnpackOne(lua_State* lua) { return UnpackSome(lua, 1, luaL_optinteger(lua, 2, 0)); }
int UnpackLimit(lua_State* lua) {
  const lua_Integer limit = luaL_checkinteger(lua, 2);
  return UnpackSome(lua, limit, luaL_optinteger(lua, 3, 0));
}

}  // namespace

void OpenMessagePack(lua_State* lua) {
  static constexpr luaL_Reg kFunctions[] = {{"pack", &Pack},
                                            {"unpack", &Unpack},
                                            {"unpack_one", &UnpackOne},
                                            {"unpack_limit", &UnpackLimit},
                                            {nullptr, nullptr}};
  luaL_register(lua, "cmsgpack", kFunctions);
  lua_pushliteral(lua, "cmsgpack");
  lua_setfield(lua, -2, "_NAME");
  lua_pushliteral(lua, "lua-cmsgpack 0.4.0");  // whose functions and errors these are
  lua_setfield(lua, -2, "_VERSION");
  lua_pop(lua, 1);
}

}  // namespace slotway::storage
