// SPDX-License-Identifier: Apache-2.0
// bit.tohex, in the place of the library's own, which writes in front of its buffer when it is asked
// for -2^31 digits (CVE-2024-31449).
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>

#include "storage/lua/lua_libraries.h"

namespace slotway::storage {
namespace {

constexpr std::int64_t kDigitsMax = 8;

// As the library reads its numbers: modulo 2^32. Added to a number, this leaves the lowest bits of
// the sum's mantissa as the number's integer.
std::uint32_t BitsOf(lua_State* lua, int index) {
  constexpr double kShift = 6755399441055744.0;  // 1.5 * 2^52
  const double number = luaL_checknumber(lua, index);
  return static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(number + kShift));
}

int ToHex(lua_State* lua) {
  const std::uint32_t bits = BitsOf(lua, 1);
  const std::int64_t wanted =
      lua_isnone(lua, 2) ? kDigitsMax : static_cast<std::int32_t>(BitsOf(lua, 2));
  const char* digits = wanted < 0 ? "0123456789ABCDEF" : "0123456789abcdef";
  const auto count = static_cast<std::size_t>(std::min(std::abs(wanted), kDigitsMax));
  std::array<char, kDigitsMax> text{};
  for (std::size_t i = 0; i < count; ++i) text[count - 1 - i] = digits[bits >> (4 * i) & 15];
  lua_pushlstring(lua, text.data(), count);
  return 1;
}

}  // namespace

void MendBits(lua_State* lua) {
  lua_getglobal(lua, "bit");
  lua_pushcfunction(lua, &ToHex);
  lua_setfield(lua, -2, "tohex");
  lua_pop(lua, 1);
}

}  // namespace slotway::storage
