// SPDX-License-Identifier: Apache-2.0
// Between replies and Lua values, both ways, as Redis converts them.
//
//   reply            Lua                                 Lua                     reply
//   integer          number                              number                  integer, cut off
//   bulk string      string                              string                  bulk string
//   status, error    {ok=text}, {err=text}               the same                status, error
//   array            {...}                               {...}, up to a nil      array
//   null             false; RESP3: nil                   false, nil              null
//   map, set         {map={k=v}}, {set={k=true}}         the same                map, set
//   double           {double=n}                          the same                double
//   boolean          true, false                         true in RESP2           1
//   big number       {big_number=digits}                 the same                big number
//   verbatim         {verbatim_string={string=,format=}} the same                verbatim
// "RESP3" is what the script asked for by redis.setresp(). Engine thread only.
#pragma once

#include <lua.hpp>
#include <string_view>

#include "storage/commands/command_context.h"

namespace slotway::storage {

// Pushes a complete reply of ours. True if it is an error.
bool PushReply(lua_State* lua, std::string_view reply);

// Answers with the value on top and pops it. `script_version`: see above.
void ReplyFromLua(CommandContext& ctx, lua_State* lua, protocol::RespVersion script_version);

// Answers with a script's error. One that a command within the script has answered was counted as
// that command's; the script has failed all the same.
void AnswerScriptError(CommandContext& ctx, std::string_view text, bool is_counted);

}  // namespace slotway::storage
