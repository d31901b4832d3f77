// SPDX-License-Identifier: Apache-2.0
// The two interpreters' globals, and where things are on their stacks.
#pragma once

#include <lua.hpp>

namespace slotway::storage {

// At the bottom of an interpreter's own stack, always: its globals, which are written to there
// only, and the function that makes tables of errors.
inline constexpr int kGlobalsIndex = 1;
inline constexpr int kErrorHandlerIndex = 2;

// How often somebody looks how long a script has run.
inline constexpr int kInstructionsPerCount = 100'000;

void OpenEvalEnvironment(lua_State* lua);
void OpenFunctionEnvironment(lua_State* lua);

// While a library is loaded its globals are `redis`, with register_function and little else, and
// nothing beside it.
void UseLoadGlobals(lua_State* lua);
void UseRunGlobals(lua_State* lua);

}  // namespace slotway::storage
