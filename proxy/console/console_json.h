// SPDX-License-Identifier: Apache-2.0
// What the console's page is told, as JSON. Belongs to the main loop's thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/client/recent_events.h"
#include "proxy/client/user_book.h"
#include "proxy/console/console_access.h"
#include "proxy/console/console_sources.h"
#include "proxy/console/console_watch.h"
#include "runtime/json_writer.h"

namespace slotway::proxy {

// What a page has already, so that it is told what is new.
struct ConsoleSince {
  std::uint64_t sample = 0;
  std::uint64_t topology = 0;  // its version
  std::uint64_t event = 0;
};

// Everything that is for everybody: the proxy, rates, the slots and their owners, the nodes, events of
// the cluster. "slots" is null if the page has that topology: the text is large.
std::string StateJson(const ConsoleSources& sources, const ConsoleWatch& watch,
                      const ConsoleAccess::Viewer& viewer, const ConsoleSince& since);
std::string EventsJson(const std::vector<RecentEvent>& events);
// Users and their rules; of passwords only how many there are. At most `users_max`.
std::string UsersJson(const UserBook& book, std::size_t users_max);
// {"total": 3, "clients": ["id=3 addr=...", ...]}, the lines being those of CLIENT LIST.
std::string ClientsJson(std::size_t total, std::span<const std::string> lines);

std::string SlowRequestsJson(std::span<const ConsoleSlowRequest> requests);
std::string HotKeysJson(std::span<const ConsoleHotKey> keys);

}  // namespace slotway::proxy
