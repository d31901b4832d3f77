// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/transaction.h"

#include <algorithm>

#include "storage/commands/command_context.h"
#include "storage/commands/monitor_feed.h"

namespace slotway::storage {

void Transaction::Queue(const protocol::CommandSpec& spec, std::span<const std::string_view> args) {
  commands_.push_back({&spec, arg_sizes_.size(), args.size(), bytes_.size()});
  for (std::string_view arg : args) {
    arg_sizes_.push_back(arg.size());
    bytes_ += arg;
  }
  flags_ = flags_ | spec.flags;
}

bool Transaction::AllHave(protocol::CommandFlag flag) const {
  return std::all_of(commands_.begin(), commands_.end(),
                     [flag](const Command& command) { return command.spec->flags.Has(flag); });
}

std::vector<std::string_view> Transaction::ArgsAt(std::size_t index) const {
  const Command& command = commands_[index];
  std::vector<std::string_view> args;
  args.reserve(command.arg_count);
  std::size_t offset = command.offset;
  for (std::size_t i = 0; i < command.arg_count; ++i) {
    const std::size_t size = arg_sizes_[command.first_arg + i];
    args.push_back(std::string_view(bytes_).substr(offset, size));
    offset += size;
  }
  return args;
}

void DropTransaction(ServerState& server, ClientState& client) {
  client.transaction.reset();
  client.Clear(ClientWay::kQueueing);
  server.watched_keys.Unwatch(client);
  client.has_watched_change = false;
}

void RefuseInTransaction(CommandContext& ctx, bool is_exec, std::string_view error) {
  if (is_exec) {
    DropTransaction(ctx.server, ctx.client);
    constexpr std::string_view kPlainCode = "ERR ";
    if (error.starts_with(kPlainCode)) error.remove_prefix(kPlainCode.size());
    ctx.Error("EXECABORT Transaction discarded because of: " + std::string(error));
    // MULTI was shown: this is its end.
    if (!ctx.server.monitors.empty()) FeedMonitors(ctx);
    return;
  }
  if (ctx.client.transaction) ctx.client.transaction->MarkRefused();
  ctx.Error(error);
}

}  // namespace slotway::storage
