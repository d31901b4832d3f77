// SPDX-License-Identifier: Apache-2.0
// The process: TIME, LOLWUT, CLUSTER.
#include <string>
#include <string_view>

#include "protocol/server_version.h"
#include "runtime/clock.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"
#include "storage/commands/number_text.h"
#include "storage/commands/persistence_host.h"

namespace slotway::storage {
namespace {

// Within a script or transaction time stands still.
void TimeCommand(CommandContext& ctx) {
  const bool stands_still = ctx.server.calls_within > 0;
  const std::int64_t now_us = stands_still ? ctx.now_ms * 1000 : runtime::UnixUs();
  ctx.reply.Array(2);
  ctx.reply.BulkInteger(now_us / 1000000);
  ctx.reply.BulkInteger(now_us % 1000000);
}

void LolwutCommand(CommandContext& ctx) {
  std::string text = "Slotway ";
  text.append(protocol::kSlotwayVersion).append(": one way in to every slot.\nRedis ver. ");
  text.append(protocol::kRedisVersion).append("\n");
  ctx.reply.Verbatim("txt", text);
}

// CLUSTER and every subcommand of it: the cluster room reads the arguments itself.
void ClusterCommand(CommandContext& ctx) {
  if (!ctx.server.cluster.run_command) {
    ctx.Error("ERR This instance has cluster support disabled");
    return;
  }
  ctx.server.cluster.run_command(ctx);
}

void ModuleListCommand(CommandContext& ctx) { ctx.reply.Array(0); }

void ModuleHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "LIST",
      "    The modules that are loaded: none, this server loads no modules.",
  };
  ReplyHelp(ctx, "MODULE", kLines);
}

}  // namespace

std::span<const HandlerRow> ServerHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"time", &TimeCommand},
      {"lolwut", &LolwutCommand},
      {"module|list", &ModuleListCommand},
      {"module|help", &ModuleHelpCommand},
  };
  return kRows;
}

// Every row of CLUSTER leads to one function.
void AddClusterHandlers(HandlerTable& table) {
  const protocol::CommandSpec* cluster = protocol::FindCommand("cluster");
  for (const protocol::CommandSpec& subcommand : cluster->subcommands) {
    HandlerRow row{subcommand.name, &ClusterCommand};
    table.Add({&row, 1});
  }
}

}  // namespace slotway::storage
