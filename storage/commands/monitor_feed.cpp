// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/monitor_feed.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "protocol/monitor_line.h"
#include "runtime/clock.h"
#include "storage/commands/client_push.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"

namespace slotway::storage {
namespace {

void MonitorCommand(CommandContext& ctx) {
  if (ctx.client.denies_waiting) {
    ctx.Error("ERR MONITOR isn't allowed for DENY BLOCKING client");
    return;
  }
  if (ctx.client.Is(ClientWay::kMonitoring)) return;
  ctx.client.Set(ClientWay::kMonitoring);
  ctx.server.monitors.push_back(&ctx.client);
  ctx.reply.Ok();
}

}  // namespace

void FeedMonitors(CommandContext& ctx) {
  using protocol::CommandFlag;
  if (ctx.spec.flags.Has(CommandFlag::kSkipMonitor) || ctx.spec.flags.Has(CommandFlag::kAdmin)) {
    return;
  }
  ShowToMonitors(ctx);
}

void ShowToMonitors(CommandContext& ctx) {
  if (ctx.server.monitors.empty()) return;
  std::string line;
  protocol::AppendMonitorLine(ctx.spec, ctx.args, runtime::UnixUs(), ctx.client.db_index,
                              ctx.client.is_script ? "lua" : ctx.client.address, line);
  const auto bytes = std::make_shared<const std::string>(std::move(line));
  for (ClientState* monitor : ctx.server.monitors) Push(ctx.server, *monitor, bytes);
}

void StopMonitoring(ServerState& server, ClientState& client) {
  if (!client.Is(ClientWay::kMonitoring)) return;
  std::erase(server.monitors, &client);
  client.Clear(ClientWay::kMonitoring);
}

std::span<const HandlerRow> MonitorHandlers() {
  static constexpr HandlerRow kRows[] = {{"monitor", &MonitorCommand}};
  return kRows;
}

}  // namespace slotway::storage
