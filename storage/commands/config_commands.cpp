// SPDX-License-Identifier: Apache-2.0
// CONFIG GET, SET, RESETSTAT, REWRITE.
#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/glob.h"
#include "storage/commands/acl_changes.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"

namespace slotway::storage {
namespace {

void ConfigGetCommand(CommandContext& ctx) {
  auto values = ctx.server.settings.Get(ctx.args.subspan(2), &protocol::GlobMatchesNoCase);
  ctx.reply.Map(values.size());
  for (const auto& [name, value] : values) {
    ctx.reply.Bulk(name);
    ctx.reply.Bulk(value);
  }
}

// Where the data that is being loaded goes, and how: that is settled until it is done.
bool IsSettledByLoading(std::string_view name) {
  constexpr std::string_view kNames[] = {"appendonly", "dir", "repl-diskless-load"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view settled) { return EqualsNoCase(name, settled); });
}

void ConfigSetCommand(CommandContext& ctx) {
  if (ctx.args.size() % 2 != 0) {
    ctx.ArityError();
    return;
  }
  std::vector<std::pair<std::string_view, std::string_view>> changes;
  for (std::size_t i = 2; i < ctx.args.size(); i += 2) {
    if (ctx.server.persistence.loading.IsOn() && IsSettledByLoading(ctx.args[i])) {
      return ctx.Error(protocol::error_text::kLoading);
    }
    changes.emplace_back(ctx.args[i], ctx.args[i + 1]);
  }
  if (auto error = ctx.server.settings.Set(changes)) {
    ctx.Error(*error);
  } else {
    ctx.reply.Ok();
  }
}

void ConfigResetstatCommand(CommandContext& ctx) {
  ctx.server.stats.Reset();
  ReplicationFacts& replication = ctx.server.replication;
  replication.full_syncs = replication.partial_syncs = replication.partial_syncs_refused = 0;
  replication.stream_input_bytes = replication.stream_output_bytes = 0;
  ctx.reply.Ok();
}

void ConfigRewriteCommand(CommandContext& ctx) {
  UsersIntoSettings(ctx.server);
  if (auto error = ctx.server.settings.Rewrite()) {
    ctx.Error(*error);
  } else {
    ctx.reply.Ok();
  }
}

void ConfigHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "GET <pattern> [<pattern> ...]",
      "    The settings whose names match, with their values.",
      "SET <name> <value> [...]",
      "    Change settings, all or none.",
      "RESETSTAT",
      "    Set the counters of INFO back to zero.",
      "REWRITE",
      "    Write the settings into the file they were read from.",
  };
  ReplyHelp(ctx, "CONFIG", kLines);
}

}  // namespace

std::span<const HandlerRow> ConfigHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"config|get", &ConfigGetCommand},
      {"config|set", &ConfigSetCommand},
      {"config|resetstat", &ConfigResetstatCommand},
      {"config|rewrite", &ConfigRewriteCommand},
      {"config|help", &ConfigHelpCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
