// SPDX-License-Identifier: Apache-2.0
// MONITOR.
#include <array>
#include <vector>

#include "proxy/client/client_session.h"
#include "proxy/client/monitor_feed.h"
#include "proxy/client/worker_gather.h"

namespace slotway::proxy {
namespace {

void Monitor(LocalCall& call) {
  ClientSession& session = call.session;
  if (session.IsNested()) {
    return call.reply.Error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  }
  // As Redis: who monitors already is not even answered.
  if ((session.State().ways & kMonitors) != 0) return;
  WorkerServices& services = session.Services();
  if (services.monitors.MonitorsOfAllWorkers() >= services.settings.limits.monitor_clients_max) {
    return call.reply.Error("ERR Too many clients monitor: limits.monitor_clients_max");
  }
  session.State().ways |= kMonitors;
  GatherFromWorkers<char>(
      call,
      [worker = services.colleagues.own_index](WorkerServices& there) {
        MonitorFeed::CountMonitor(there, worker, true);
        return char{};
      },
      [&session](const std::vector<char>&, LocalWriter& reply) {
        session.BeginToMonitor();
        reply.Ok();
      });
}

constexpr std::array kCommands = {LocalCommand{"monitor", Monitor}};

}  // namespace

std::span<const LocalCommand> MonitorCommands() { return kCommands; }

}  // namespace slotway::proxy
