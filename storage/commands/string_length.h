// SPDX-License-Identifier: Apache-2.0
// How long a string may become.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "storage/commands/command_context.h"

namespace slotway::storage {

// proto-max-bulk-len, as far as a record can hold it. The last bytes are left to what begins within
// the bound and ends a little behind it.
inline std::uint64_t StringLengthMax(const CommandContext& ctx) {
  constexpr std::uint64_t kRecordMax = Record::kMaxLength - 64;
  return std::min(static_cast<std::uint64_t>(ctx.server.Config().proto_max_bulk_len), kRecordMax);
}

// Answers an error and returns false if a string may not be so long.
inline bool CheckStringLength(CommandContext& ctx, std::uint64_t length) {
  if (length <= StringLengthMax(ctx)) return true;
  ctx.Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return false;
}

}  // namespace slotway::storage
