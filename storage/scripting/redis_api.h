// SPDX-License-Identifier: Apache-2.0
// The table `redis` of scripts.
#pragma once

#include <lua.hpp>

namespace slotway::storage {

// Pushes the table as it is while scripts and functions run.
void PushRedisApi(lua_State* lua);
// Pushes the one of libraries that are being loaded: versions, log and `register_function`.
void PushLoadApi(lua_State* lua, lua_CFunction register_function);
// Adds to the table on top what only EVAL's scripts have.
void AddEvalApi(lua_State* lua);

}  // namespace slotway::storage
