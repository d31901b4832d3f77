// SPDX-License-Identifier: Apache-2.0
// Which of the shard's counts Prometheus sees, and under which names. Engine thread only.
#pragma once

#include "runtime/metrics.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

// `server` outlives the registry.
void RegisterShardMetrics(ServerState& server, runtime::MetricsRegistry& registry);

}  // namespace slotway::storage
