// SPDX-License-Identifier: Apache-2.0
// HyperLogLogs as commands find them: strings that are checked before they are one.
#pragma once

#include <string_view>

#include "storage/commands/command_context.h"
#include "storage/types/hyperloglog.h"

namespace slotway::storage {

inline constexpr std::string_view kBrokenHll = "INVALIDOBJ Corrupted HLL object detected";

// Whether what was found is a HyperLogLog; answers an error if not. REQUIRES: entry.
inline bool CheckHll(CommandContext& ctx, const Entry& entry) {
  if (!ctx.CheckType(entry, ValueType::kString)) return false;
  if (entry.encoding() != Encoding::kInt && IsHll(entry.Bytes())) return true;
  ctx.Error("WRONGTYPE Key is not a valid HyperLogLog string value.");
  return false;
}

}  // namespace slotway::storage
