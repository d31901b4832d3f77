// SPDX-License-Identifier: Apache-2.0
// Who is told that a key has changed, and what listeners hear of it (notify-keyspace-events).
//
// While there is nobody to be told, a change costs one look: see ServerState::TellsOfKeyChanges().
// Engine thread only.
#pragma once

#include <string_view>

#include "config/shard_config.h"

namespace slotway::storage {

class ServerState;

// Publishes an event if the settings ask for its class: to __keyspace@<db>__:<key> the event, to
// __keyevent@<db>__:<event> the key.
void PublishKeyEvent(ServerState& server, int db_index, std::string_view key,
                     config::KeyspaceEvent event_class, std::string_view event);

// After a change: those who wait for the key, watch it, and the listeners. No event, no listeners.
void TellOfKeyChange(ServerState& server, int db_index, std::string_view key,
                     config::KeyspaceEvent event_class, std::string_view event);

}  // namespace slotway::storage
