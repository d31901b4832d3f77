// SPDX-License-Identifier: Apache-2.0
// The commands that took longest: SLOWLOG.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"

namespace slotway::storage {
namespace {

// SLOWLOG GET [count]: 10 of them, -1 for all.
void SlowlogGetCommand(CommandContext& ctx) {
  std::int64_t wanted = 10;
  if (ctx.args.size() > 3) {
    ctx.SubcommandError("SLOWLOG");
    return;
  }
  if (ctx.args.size() == 3 &&
      !ReadIntegerIn(ctx, 2, -1, std::numeric_limits<std::int64_t>::max(), wanted,
                     "ERR count should be greater than or equal to -1")) {
    return;
  }
  const auto& commands = ctx.server.slow_log.Commands();
  std::size_t count = commands.size();
  if (wanted >= 0) count = std::min(count, static_cast<std::size_t>(wanted));
  ctx.reply.Array(count);
  for (std::size_t i = 0; i < count; ++i) {
    const SlowCommand& command = commands[i];
    ctx.reply.Array(6);
    ctx.reply.Integer(static_cast<std::int64_t>(command.id));
    ctx.reply.Integer(command.time_s);
    ctx.reply.Integer(static_cast<std::int64_t>(command.duration_us));
    ctx.reply.Array(command.args.size());
    for (const std::string& arg : command.args) ctx.reply.Bulk(arg);
    ctx.reply.Bulk(command.client_address);
    ctx.reply.Bulk(command.client_name);
  }
}

void SlowlogLenCommand(CommandContext& ctx) {
  ctx.reply.Integer(static_cast<std::int64_t>(ctx.server.slow_log.Commands().size()));
}

void SlowlogResetCommand(CommandContext& ctx) {
  ctx.server.slow_log.Clear();
  ctx.reply.Ok();
}

void SlowlogHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "GET [<count>]",
      "    The newest commands of the log, 10 unless told otherwise, -1 for all. Of each: its id, "
      "when",
      "    it ended, how many microseconds it took, its arguments, the client's address and name.",
      "LEN",
      "    How many commands are in the log.",
      "RESET",
      "    Empty the log.",
  };
  ReplyHelp(ctx, "SLOWLOG", kLines);
}

}  // namespace

std::span<const HandlerRow> SlowLogHandlers() {
  static constexpr HandlerRow kRows[] = {{"slowlog|get", &SlowlogGetCommand},
                                         {"slowlog|len", &SlowlogLenCommand},
                                         {"slowlog|reset", &SlowlogResetCommand},
                                         {"slowlog|help", &SlowlogHelpCommand}};
  return kRows;
}

}  // namespace slotway::storage
