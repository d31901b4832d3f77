// SPDX-License-Identifier: Apache-2.0
// Which EVALs leave their script with the shard: Redis keeps one before it runs it, but not one
// that it cannot compile or whose arguments are wrong.
#pragma once

#include <span>
#include <string_view>

namespace slotway::proxy {

// Whether the number of keys of EVAL or EVAL_RO lets the shard go on to the script.
bool HasSoundKeyCount(std::span<const std::string_view> args);
// Whether the error reply to a sound EVAL says that the shard has not kept the script.
bool IsScriptRefusal(std::string_view reply);

}  // namespace slotway::proxy
