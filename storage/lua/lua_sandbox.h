// SPDX-License-Identifier: Apache-2.0
// What scripts can reach, and that they cannot change it.
//
// Debian's Lua has no readonly tables. So a script never gets hold of a table of ours: it gets an
// empty one that stands for it, whose metatable reads through and refuses to write. The functions
// that go past metatables (next, rawget, rawset, setmetatable, table.insert and their like) are
// replaced by ones that know such stand-ins. Reading through costs a lookup that finds nothing.
#pragma once

#include <lua.hpp>
#include <string_view>

namespace slotway::storage {

inline constexpr const char* kReadonlyError = "Attempt to modify a readonly table";

// Opens Lua's own libraries and cjson, cmsgpack, struct, bit; takes out what reaches outside, takes
// in the replacements. The globals are an ordinary table afterwards.
void OpenLibraries(lua_State* lua);

// Replaces the table on top by a stand-in for it; so are tables in it, recursively, strings' own
// metatable included. What is absent raises an error where `complains` is set.
enum class Absent : bool { kIsNil, kIsAnError };
void ReplaceByStandIn(lua_State* lua, Absent absent);

// Makes a stand-in of the table on top the globals of `lua`, and pops it. The table that was there
// stays as "_G".
void SetGlobals(lua_State* lua);

// Pushes the table that the stand-in on top stands for, or what is on top if it is none.
void PushOriginal(lua_State* lua, int index);

// Compiles a script and pushes its function, or the error; returns what lua_load() does. Text only:
// Lua does not check bytecode, which could do anything.
int CompileText(lua_State* lua, std::string_view text, const char* name);

// Raises "Script attempted to access nonexistent global variable 'x'"; __index of such tables.
int RaiseNonexistent(lua_State* lua);

}  // namespace slotway::storage
