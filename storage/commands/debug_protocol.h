// SPDX-License-Identifier: Apache-2.0
// DEBUG PROTOCOL: one reply of each RESP type, for the tests of clients and proxies.
#pragma once

#include "storage/commands/command_context.h"

namespace slotway::storage {

void DebugProtocol(CommandContext& ctx);

}  // namespace slotway::storage
