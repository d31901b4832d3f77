// SPDX-License-Identifier: Apache-2.0
// Lua libraries that Debian does not have for linking, each of which sets a global of its name, and
// what has to be mended of those that it has.
#pragma once

#include <lua.hpp>

namespace slotway::storage {

// cmsgpack: pack, unpack, unpack_one, unpack_limit.
void OpenMessagePack(lua_State* lua);
// struct: pack, unpack, size.
void OpenStruct(lua_State* lua);
// What Debian's `bit` does wrong. REQUIRES: it is open.
void MendBits(lua_State* lua);

}  // namespace slotway::storage
