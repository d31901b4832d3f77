// SPDX-License-Identifier: Apache-2.0
// How long a request may wait, as clients say it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/commands/command_context.h"

namespace slotway::storage {

// The seconds in args[index], with a fraction, or the milliseconds, as the moment when they are
// over; WaitingRequest::kForever for 0. Answers an error and returns false if it is no such time.
bool ReadWaitSeconds(CommandContext& ctx, std::size_t index, std::int64_t& deadline_ms);
bool ReadWaitMs(CommandContext& ctx, std::size_t index, std::int64_t& deadline_ms);

}  // namespace slotway::storage
