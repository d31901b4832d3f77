// SPDX-License-Identifier: Apache-2.0
// Runs a command's function, and does what follows each call: time, statistics, and whatever else
// has to see every command that ran.
//
// Whether it may run is decided before: by server/executor for requests, by the caller for what
// runs within another command. Engine thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/byte_queue.h"
#include "runtime/clock.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"

namespace slotway::storage {

// What would reach replicas, or all clients of a cluster, though it writes no key.
bool MayReplicate(const protocol::CommandSpec& spec);

// What may stand in a stream of changes, a master's or a log's. Not what makes something else of
// this server or of the client that stands for the stream, such as REPLICAOF or SUBSCRIBE.
bool MayStandInStream(const protocol::CommandSpec& spec);

// To those who track keys, and to MONITOR.
void ShowCommand(CommandContext& ctx);

// What it changed goes into the stream of changes; the unit ends with the outermost command.
void PropagateCommand(CommandContext& ctx, bool has_changed);

// `is_timed_alone`: see CommandTiming. The clock is read again behind a slow command, but stands
// still while one runs within another.
inline void CallCommand(CommandContext& ctx, CommandHandler handler, bool is_timed_alone,
                        CommandStats& stats) {
  ServerState& server = ctx.server;
  const std::uint64_t changes_before = server.changes;
  if (server.calls_within == 0) server.changes_counted = changes_before;
  const bool keeps_access = ctx.client.is_no_touch;
  if (keeps_access) [[unlikely]]
    ctx.db.KeepAccess(true);
  ++stats.calls;
  ++server.stats.commands_processed;
  const std::uint32_t weight = is_timed_alone ? 1 : server.timing.WeightOfFast();
  if (weight > 0) {
    const std::uint64_t start_ns = runtime::MonotonicNs();
    handler(ctx);
    const std::uint64_t taken_ns = runtime::MonotonicNs() - start_ns;
    if (is_timed_alone && server.calls_within == 0) server.RefreshClock();
    server.timing.Ran(ctx, stats, taken_ns, weight);
  } else {
    handler(ctx);
  }
  if (ctx.has_failed) ++stats.failed_calls;
  if (keeps_access) [[unlikely]]
    ctx.db.KeepAccess(false);
  if (server.ShowsCommands()) [[unlikely]]
    ShowCommand(ctx);
  if (server.propagation.IsOn()) [[unlikely]]
    PropagateCommand(ctx, server.changes != changes_before);
  // Unless the command has saved them itself.
  if (server.calls_within == 0)
    server.changes_since_save += server.changes - server.changes_counted;
}

// Runs a command within another one: what EXEC has queued, what a script calls. Its reply goes to
// `reply` in the client's version of RESP. It does not wait: it answers as if its time was up. No
// checks are made but those of its function; the arity must fit. False when it answered an error.
bool CallWithin(ServerState& server, ClientState& client, const protocol::CommandSpec& spec,
                std::span<const std::string_view> args, runtime::ByteQueue& reply);

}  // namespace slotway::storage
