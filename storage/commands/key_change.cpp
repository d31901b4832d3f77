// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/key_change.h"

#include <string>

#include "storage/commands/invalidation.h"
#include "storage/commands/pubsub_message.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

void PublishKeyEvent(ServerState& server, int db_index, std::string_view key,
                     config::KeyspaceEvent event_class, std::string_view event) {
  const std::uint32_t wanted = server.Config().notify_keyspace_events;
  if ((wanted & event_class) == 0 || server.pubsub.IsEmpty()) return;
  const std::string place = "@" + std::to_string(db_index) + "__:";
  if ((wanted & config::kNotifyKeyspace) != 0) {
    const std::string channel = "__keyspace" + place + std::string(key);
    PublishMessage(server, ChannelKind::kChannel, channel, event);
  }
  if ((wanted & config::kNotifyKeyevent) != 0) {
    const std::string channel = "__keyevent" + place + std::string(event);
    PublishMessage(server, ChannelKind::kChannel, channel, key);
  }
}

void TellOfKeyChange(ServerState& server, int db_index, std::string_view key,
                     config::KeyspaceEvent event_class, std::string_view event) {
  // One that has expired goes just now.
  const bool is_going = event == "expired";
  if (!is_going && server.IsWritableReplica()) server.own_keys.Note(db_index, key);
  server.waiters.NoteChange(db_index, key);
  server.watched_keys.NoteChange(db_index, key);
  InvalidateKey(server, key);
  if (!event.empty()) PublishKeyEvent(server, db_index, key, event_class, event);
}

}  // namespace slotway::storage
