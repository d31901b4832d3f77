// SPDX-License-Identifier: Apache-2.0
// Times to live as commands give them: seconds or milliseconds, from now or since 1970.
#pragma once

#include <cstdint>
#include <optional>

#include "storage/commands/command_context.h"

namespace slotway::storage {

struct ExpireUnit {
  bool is_seconds = true;
  bool is_absolute = false;
};

// Unix time in ms; nothing if it does not fit. Negative and zero times are kept as they are.
std::optional<std::int64_t> ToUnixMs(std::int64_t value, ExpireUnit unit, std::int64_t now_ms);

// Whether a key with this time is to go at once. Not where commands are repeated that others ran - a
// log, the master's stream: those behind it may change the key, and its deletion comes, too.
bool IsOver(const CommandContext& ctx, std::int64_t at_ms);

// Gives the key its time to live; if that is over, deletes it and returns false.
bool ExpireAt(CommandContext& ctx, const KeyRef& key, const Entry& entry, std::int64_t at_ms);

}  // namespace slotway::storage
