// SPDX-License-Identifier: Apache-2.0
// Hash keys as commands need them: opened, made when absent, removed when emptied.
#pragma once

#include <optional>

#include "storage/commands/command_context.h"
#include "storage/commands/encoding_limits.h"
#include "storage/engine/hash_handle.h"

namespace slotway::storage {

// The hash under args[1]; none when it is absent, or when the key holds another type.
struct OpenedHash {
  std::optional<HashHandle> hash;
  bool is_wrong_type = false;  // WRONGTYPE has been answered
};
OpenedHash OpenHashToRead(CommandContext& ctx);
OpenedHash OpenHashToWrite(CommandContext& ctx);

// To be called after fields were removed: drops the key with its last field.
void DeleteIfEmpty(CommandContext& ctx, const HashHandle& hash, const KeyRef& key);

}  // namespace slotway::storage
