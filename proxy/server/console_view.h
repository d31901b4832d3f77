// SPDX-License-Identifier: Apache-2.0
// What the server gives the console to look at. Belongs to the main loop's thread.
#pragma once

#include <memory>
#include <vector>

#include "proxy/client/recent_events.h"
#include "proxy/console/console_sources.h"
#include "proxy/meters/worker_meter.h"
#include "proxy/server/proxy_worker.h"
#include "proxy/server/topology_news.h"

namespace slotway::proxy {

void NoteNews(const TopologyNews& news, RecentEvents& events);
ConsoleCounts CountForConsole(const std::vector<std::unique_ptr<ProxyWorker>>& workers,
                              const WorkerMeters& meters);
std::vector<ConsoleSlowRequest> SlowRequestsForConsole(const WorkerMeters& meters,
                                                       std::size_t count);
std::vector<ConsoleHotKey> HotKeysForConsole(const WorkerMeters& meters, std::size_t count);

}  // namespace slotway::proxy
