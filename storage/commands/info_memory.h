// SPDX-License-Identifier: Apache-2.0
// The section of INFO about memory.
#pragma once

#include "storage/commands/info_text.h"

namespace slotway::storage {

class ServerState;

void AddMemoryInfo(InfoText& text, ServerState& server);

}  // namespace slotway::storage
