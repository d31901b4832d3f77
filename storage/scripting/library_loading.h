// SPDX-License-Identifier: Apache-2.0
// Runs the text of a library, which registers functions. Engine thread only.
#pragma once

#include <cstdint>
#include <lua.hpp>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "storage/scripting/function_libraries.h"

namespace slotway::storage {

// A library while its text runs.
struct LibraryLoad {
  FunctionLibrary& library;
  std::uint64_t started_ns = 0;
  ScriptFunction function{};  // what is being registered
};

struct LibraryHeader {
  std::string name;
  std::size_t bytes = 0;  // to leave out; the end of the line stays, for its number
};
// Reads "#!lua name=x"; the error is an answer.
tl::expected<LibraryHeader, std::string> ReadLibraryHeader(std::string_view code);

// Compiles and runs `text`, for half a second at most; the error is an answer.
tl::expected<void, std::string> RunLibrary(LuaState& state, FunctionLibrary& library,
                                           std::string_view text);

// redis.register_function
int RegisterFunction(lua_State* lua);
// Raises an error when the time is up. To be called now and then.
void CheckLoadTime(lua_State* lua, const LibraryLoad& load);

}  // namespace slotway::storage
