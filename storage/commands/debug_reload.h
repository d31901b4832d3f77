// SPDX-License-Identifier: Apache-2.0
// DEBUG RELOAD: all data saved to the RDB file, forgotten, and loaded again.
#pragma once

#include "storage/commands/command_context.h"

namespace slotway::storage {

void DebugReload(CommandContext& ctx);
// DEBUG LOADAOF: the same with the append-only log.
void DebugLoadLog(CommandContext& ctx);

}  // namespace slotway::storage
