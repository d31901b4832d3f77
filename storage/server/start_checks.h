// SPDX-License-Identifier: Apache-2.0
// What settings and the system have against a start. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/shard_config.h"

namespace slotway::storage {

// Why data sets of masters are not loaded in that way; nothing: they are.
std::optional<std::string> RefusalOfLoad(const config::ShardConfig& config);

// Raises the limit of open files to `maxclients` and a reserve for what else a process opens.
void WarnOfTooFewFiles(std::int64_t maxclients);

}  // namespace slotway::storage
