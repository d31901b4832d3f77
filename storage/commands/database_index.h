// SPDX-License-Identifier: Apache-2.0
// Database numbers as commands give them (SELECT, MOVE, COPY, SWAPDB).
#pragma once

#include <cstddef>

#include "storage/commands/command_context.h"

namespace slotway::storage {

// Reads args[index]; answers an error and returns false if there is no such database.
bool ReadDatabaseIndex(CommandContext& ctx, std::size_t index, int& out);

}  // namespace slotway::storage
