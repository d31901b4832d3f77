// SPDX-License-Identifier: Apache-2.0
// Where a file is that a setting of the shard names. Pure; any thread.
#pragma once

#include <string>

#include "config/shard_config.h"

namespace slotway::config {

// Without a leading '/' it is in `dir`. No name stays none.
inline std::string PathInDir(const ShardConfig& config, const std::string& name) {
  return name.empty() || name.front() == '/' ? name : config.dir + "/" + name;
}

}  // namespace slotway::config
