// SPDX-License-Identifier: Apache-2.0
// The section of INFO about replication.
#pragma once

#include "storage/commands/info_text.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

void AddReplicationFacts(InfoText& text, const ServerState& server);

}  // namespace slotway::storage
