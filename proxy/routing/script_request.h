// SPDX-License-Identifier: Apache-2.0
// What a request to run a script says about the script: whether the shard keeps it, whether it may
// write.
#pragma once

#include <span>
#include <string_view>

#include "proxy/routing/request_plan.h"
#include "proxy/routing/script_memory.h"

namespace slotway::proxy {

// Whether it is EVAL, FCALL or one of their kin.
bool RunsScript(const protocol::CommandSpec& spec);

// Redis keeps the script of an EVAL before it runs it, but not one that it cannot compile or whose
// arguments are wrong.

// Whether the number of keys of EVAL or EVAL_RO lets the shard go on to the script.
bool HasSoundKeyCount(std::span<const std::string_view> args);
// Whether the error reply to a sound EVAL says that the shard has not kept the script.
bool IsScriptRefusal(std::string_view reply);

// Whether the script's first line declares that it does not write: "#!lua flags=no-writes".
bool DeclaresNoWrites(std::string_view script);
// Whether the request runs such a script; of a digest, if its script is remembered.
bool RunsReadonlyScript(std::span<const std::string_view> args, const RequestPlan& plan,
                        ScriptMemory& scripts);

}  // namespace slotway::proxy
