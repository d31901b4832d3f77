// SPDX-License-Identifier: Apache-2.0
// The options of the SCAN family: MATCH, COUNT and, for SCAN alone, TYPE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/commands/command_context.h"

namespace slotway::storage {

struct ScanOptions {
  std::string_view pattern = {};  // empty data: everything matches
  std::string_view type = {};     // the same
  std::size_t count = 10;

  bool Matches(std::string_view text) const;
};

// Reads the cursor in args[index]; answers an error and returns false if it is none.
bool ReadScanCursor(CommandContext& ctx, std::size_t index, std::uint64_t& cursor);
// Reads the options from args[first] on.
bool ReadScanOptions(CommandContext& ctx, std::size_t first, bool allows_type,
                     ScanOptions& options);
// What a scan of something absent answers: cursor 0 and no elements.
void ReplyEmptyScan(CommandContext& ctx);

}  // namespace slotway::storage
