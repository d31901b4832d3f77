// SPDX-License-Identifier: Apache-2.0
// struct: numbers and strings as the bytes of C structures, and back.
//
// A format is a row of options:
//   < > !n   little endian, big endian, alignment (a power of 2)
//   b B h H l L T i I (In: n bytes)   integers, signed where the letter is small
//   f d      float, double        x   a byte of padding
//   s        text ended by a zero      cn  n bytes; c0: all of the argument, or as many as the
//                                         number read before says
// Input of unpack comes from outside.
#include <bit>
#include <climits>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "storage/lua/lua_libraries.h"
#include "storage/lua/lua_state.h"

namespace slotway::storage {
namespace {

constexpr int kIntegerBytesMax = 32;
constexpr int kAlignmentMax = 8;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// One option of a format, with what it takes.
struct Option {
  char letter = 0;
  std::size_t bytes = 0;    // 0: none, or as the argument says
  std::size_t padding = 0;  // before it
};

class Format {
 public:
  Format(lua_State* lua, const char* text) : lua_(lua), at_(text) {}

  bool AtEnd() const { return *at_ == '\0'; }
  bool IsBigEndian() const { return is_big_endian_; }

  // The next option, which begins at `offset`.
  Option Next(std::size_t offset) {
    Option option;
    option.letter = *at_++;
    option.bytes = SizeOf(option.letter);
    option.padding = PaddingBefore(option, offset);
    return option;
  }

  // REQUIRES: an option that stands for no value. Raises an error for a letter that means nothing.
  void Apply(char letter) {
    switch (letter) {
      case ' ':
        return;
      case '>':
      case '<':
        is_big_endian_ = letter == '>';
        return;
      case '!': {
        const int alignment = Number(kAlignmentMax);
        if (alignment <= 0 || (alignment & (alignment - 1)) != 0) {
          luaL_error(lua_, "alignment %d is not a power of 2", alignment);
        }
        alignment_ = static_cast<std::size_t>(alignment);
        return;
      }
      default:
        luaL_argerror(lua_, 1, lua_pushfstring(lua_, "invalid format option '%c'", letter));
    }
  }

 private:
  int Number(int otherwise) {
    if (!IsDigit(*at_)) return otherwise;
    int number = 0;
    while (IsDigit(*at_)) {
      const int digit = *at_++ - '0';
      if (number > (INT_MAX - digit) / 10) luaL_error(lua_, "integral size overflow");
      number = number * 10 + digit;
    }
    return number;
  }

  std::size_t SizeOf(char letter) {
    switch (letter) {
      case 'B':
      case 'b':
      case 'x':
        return 1;
      case 'H':
      case 'h':
        return sizeof(short);
      case 'L':
      case 'l':
        return sizeof(long);
      case 'T':
        return sizeof(std::size_t);
      case 'f':
        return sizeof(float);
      case 'd':
        return sizeof(double);
      case 'c':
        return static_cast<std::size_t>(Number(1));
      case 'i':
      case 'I': {
        const int bytes = Number(sizeof(int));
        if (bytes > kIntegerBytesMax) {
          luaL_error(lua_, "integral size %d is larger than limit of %d", bytes, kIntegerBytesMax);
        }
        return static_cast<std::size_t>(bytes);
      }
      default:
        return 0;
    }
  }

  std::size_t PaddingBefore(const Option& option, std::size_t offset) const {
    if (option.bytes == 0 || option.letter == 'c') return 0;
    const std::size_t to = option.bytes < alignment_ ? option.bytes : alignment_;
    return (to - (offset & (to - 1))) & (to - 1);
  }

  lua_State* lua_;
  const char* at_;
  bool is_big_endian_ = std::endian::native == std::endian::big;
  std::size_t alignment_ = 1;
};

bool IsInteger(char letter) { return std::strchr("bBhHlLTiI", letter) != nullptr; }
bool IsSigned(char letter) { return letter >= 'a' && letter <= 'z'; }

std::uint64_t BitsOf(double number) {
  constexpr double kTop = 0x1p63;
  if (number < 0)
    return number >= -kTop ? static_cast<std::uint64_t>(static_cast<std::int64_t>(number))
                           : std::uint64_t{1} << 63;
  if (number < kTop) return static_cast<std::uint64_t>(number);
  return number < 2 * kTop ? static_cast<std::uint64_t>(number) : 0;
}

// Bytes beyond 64 bits are zeros.
void AddInteger(std::string& out, std::uint64_t bits, std::size_t bytes, bool is_big_endian) {
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t place = is_big_endian ? bytes - 1 - i : i;
    out.push_back(place < 8 ? static_cast<char>(bits >> (8 * place)) : '\0');
  }
}

std::uint64_t IntegerIn(std::string_view bytes, bool is_big_endian) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char byte = bytes[is_big_endian ? i : bytes.size() - 1 - i];
    bits = bits << 8 | static_cast<unsigned char>(byte);
  }
  return bits;
}

void AddText(lua_State* lua, std::string& out, int argument, Option option) {
  std::size_t length = 0;
  const char* text = luaL_checklstring(lua, argument, &length);
  const std::size_t bytes = option.bytes == 0 ? length : option.bytes;
  luaL_argcheck(lua, length >= bytes, argument + 1, "string too short");
  out.append(text, bytes);
  if (option.letter == 's') out.push_back('\0');
}

int Pack(lua_State* lua) {
  Format format(lua, luaL_checkstring(lua, 1));
  std::string& out = LuaState::Of(lua).scratch;  // no metamethod runs meanwhile
  out.clear();
  int argument = 2;
  while (!format.AtEnd()) {
    const Option option = format.Next(out.size());
    out.append(option.padding, '\0');
    if (IsInteger(option.letter)) {
      AddInteger(out, BitsOf(luaL_checknumber(lua, argument++)), option.bytes,
                 format.IsBigEndian());
    } else if (option.letter == 'x') {
      out.push_back('\0');
    } else if (option.letter == 'f') {
      const auto number = static_cast<float>(luaL_checknumber(lua, argument++));
      AddInteger(out, std::bit_cast<std::uint32_t>(number), sizeof number, format.IsBigEndian());
    } else if (option.letter == 'd') {
      const double number = luaL_checknumber(lua, argument++);
      AddInteger(out, std::bit_cast<std::uint64_t>(number), sizeof number, format.IsBigEndian());
    } else if (option.letter == 'c' || option.letter == 's') {
      AddText(lua, out, argument++, option);
    } else {
      format.Apply(option.letter);
    }
  }
  lua_pushlstring(lua, out.data(), out.size());
  LuaState::Of(lua).TrimScratch();
  return 1;
}

double NumberIn(const Option& option, std::string_view bytes, bool is_big_endian) {
  const std::uint64_t bits = IntegerIn(bytes, is_big_endian);
  if (option.letter == 'f') return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  if (option.letter == 'd') return std::bit_cast<double>(bits);
  if (!IsSigned(option.letter)) return static_cast<double>(bits);
  if (bytes.empty() || bytes.size() >= 8)
    return static_cast<double>(static_cast<std::int64_t>(bits));
  const std::size_t unused = 64 - 8 * bytes.size();
  return static_cast<double>(static_cast<std::int64_t>(bits << unused) >> unused);
}

void CheckRoom(lua_State* lua, std::string_view data, std::size_t at, std::size_t bytes) {
  luaL_argcheck(lua, bytes <= data.size() && at <= data.size() - bytes, 2, "data string too short");
}

int Unpack(lua_State* lua) {
  Format format(lua, luaL_checkstring(lua, 1));
  std::size_t length = 0;
  const char* bytes = luaL_checklstring(lua, 2, &length);
  const std::string_view data(bytes, length);
  const auto first = static_cast<std::size_t>(luaL_optinteger(lua, 3, 1));
  luaL_argcheck(lua, first > 0, 3, "offset must be 1 or greater");
  std::size_t at = first - 1;
  int count = 0;
  while (!format.AtEnd()) {
    const Option option = format.Next(at);
    at += option.padding;
    CheckRoom(lua, data, at, option.bytes);
    luaL_checkstack(lua, 2, "too many results");
    std::size_t taken = option.bytes;
    if (IsInteger(option.letter) || option.letter == 'f' || option.letter == 'd') {
      lua_pushnumber(lua, NumberIn(option, data.substr(at, taken), format.IsBigEndian()));
      ++count;
    } else if (option.letter == 'c') {
      if (taken == 0) {
        if (count == 0 || lua_isnumber(lua, -1) == 0) {
          luaL_error(lua, "format 'c0' needs a previous size");
        }
        taken = static_cast<std::size_t>(BitsOf(lua_tonumber(lua, -1)));
        lua_pop(lua, 1);
        --count;
        CheckRoom(lua, data, at, taken);
      }
      lua_pushlstring(lua, data.data() + at, taken);
      ++count;
    } else if (option.letter == 's') {
      const auto end = data.find('\0', at);
      if (end == std::string_view::npos) luaL_error(lua, "unfinished string in data");
      lua_pushlstring(lua, data.data() + at, end - at);
      taken = end - at + 1;
      ++count;
    } else if (option.letter != 'x') {
      format.Apply(option.letter);
    }
    at += taken;
  }
  lua_pushnumber(lua, static_cast<double>(at + 1));
  return count + 1;
}

int Size(lua_State* lua) {
  Format format(lua, luaL_checkstring(lua, 1));
  std::size_t bytes = 0;
  while (!format.AtEnd()) {
    const Option option = format.Next(bytes);
    bytes += option.padding + option.bytes;
    if (option.letter == 's') {
      return luaL_argerror(lua, 1, "option 's' has no fixed size");
    }
    if (option.letter == 'c' && option.bytes == 0) {
      return luaL_argerror(lua, 1, "option 'c0' has no fixed size");
    }
    const char letter = option.letter;
    const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (!is_letter && !IsDigit(letter)) format.Apply(letter);
  }
  lua_pushnumber(lua, static_cast<double>(bytes));
  return 1;
}

}  // namespace

void OpenStruct(lua_State* lua) {
  static constexpr luaL_Reg kFunctions[] = {
      {"pack", &Pack}, {"unpack", &Unpack}, {"size", &Size}, {nullptr, nullptr}};
  luaL_register(lua, "struct", kFunctions);
  lua_pop(lua, 1);
}

}  // namespace slotway::storage
