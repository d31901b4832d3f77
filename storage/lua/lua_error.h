// SPDX-License-Identifier: Apache-2.0
// Errors as scripts see them: tables {err = "CODE text", source = "@user_script", line = 3}.
#pragma once

#include <lua.hpp>
#include <string>
#include <string_view>

namespace slotway::storage {

// Pushes an error table. `text` is "-CODE text", or text alone, whose code is ERR.
void PushError(lua_State* lua, std::string_view text);
// Pushes one and raises it.
int RaiseError(lua_State* lua, std::string_view text);
// Marks the error table on top as one that has been counted in the statistics.
void MarkCounted(lua_State* lua);

// Pushes the function that makes a table of whatever was raised, with the place where it was. For
// lua_pcall().
void PushErrorHandler(lua_State* lua);

// What is known of the error on top, be it a table or a text.
struct ErrorInfo {
  std::string text;  // "CODE text"
  std::string source;
  std::string line;  // empty: unknown, like source
  bool is_counted = false;
};
ErrorInfo DescribeError(lua_State* lua);

}  // namespace slotway::storage
