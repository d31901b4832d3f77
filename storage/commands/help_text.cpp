// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/help_text.h"

#include <string>

namespace slotway::storage {

void ReplyHelp(CommandContext& ctx, std::string_view container,
               std::span<const std::string_view> lines) {
  ctx.reply.Array(lines.size() + 3);
  std::string title(container);
  title += " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:";
  ctx.reply.SimpleString(title);
  for (std::string_view line : lines) ctx.reply.SimpleString(line);
  ctx.reply.SimpleString("HELP");
  ctx.reply.SimpleString("    Print this help.");
}

}  // namespace slotway::storage
