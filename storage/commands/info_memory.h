// SPDX-License-Identifier: Apache-2.0
// The section of INFO about memory.
#pragma once

#include <cstddef>

#include "storage/commands/info_text.h"

namespace slotway::storage {

class ServerState;

// What the stream of changes takes: as much as is kept in any case, and beyond that what replicas
// have not taken yet.
struct StreamMemory {
  std::size_t backlog_bytes = 0;
  std::size_t replica_bytes = 0;
};
StreamMemory StreamMemoryOf(const ServerState& server);

void AddMemoryInfo(InfoText& text, ServerState& server);

}  // namespace slotway::storage
