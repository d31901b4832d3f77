// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/scan_options.h"

#include <charconv>

#include "protocol/glob.h"
#include "storage/commands/argument_reader.h"

namespace slotway::storage {

bool ScanOptions::Matches(std::string_view text) const {
  return pattern.data() == nullptr || protocol::GlobMatches(pattern, text);
}

bool ReadScanCursor(CommandContext& ctx, std::size_t index, std::uint64_t& cursor) {
  std::string_view text = ctx.args[index];
  cursor = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cursor);
  if (text.empty() || (error == std::errc() && end == text.data() + text.size())) return true;
  ctx.Error("ERR invalid cursor");
  return false;
}

bool ReadScanOptions(CommandContext& ctx, std::size_t first, bool allows_type,
                     ScanOptions& options) {
  ArgumentReader reader(ctx, first);
  while (reader.HasMore()) {
    if (reader.TakeWord("count", 1)) {
      std::int64_t count = reader.TakeInteger();
      if (count < 1) reader.FailSyntax();
      options.count = static_cast<std::size_t>(count);
    } else if (reader.TakeWord("match", 1)) {
      options.pattern = reader.Take();
      if (options.pattern == "*") options.pattern = {};
    } else if (allows_type && reader.TakeWord("type", 1)) {
      options.type = reader.Take();
    } else {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

void ReplyEmptyScan(CommandContext& ctx) {
  ctx.reply.Array(2);
  ctx.reply.Bulk("0");
  ctx.reply.Array(0);
}

}  // namespace slotway::storage
