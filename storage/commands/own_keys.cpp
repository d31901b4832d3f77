// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/own_keys.h"

#include "protocol/slot.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

void OwnKeys::Note(int db_index, std::string_view key) {
  const Entry entry = server_.Database(db_index).Find(protocol::SlotOfKey(key), key, server_.now_ms,
                                                      Access::kPeek);
  if (entry && entry.expire_at_ms()) keys_.emplace(db_index, key);
}

void OwnKeys::Expire() {
  if (keys_.empty() || server_.persistence.loading.is_loading || server_.paused_until_ms != 0) return;
  if (!server_.replication.is_replica) return Forget();
  std::erase_if(keys_, [this](const std::pair<int, std::string>& place) {
    Keyspace& database = server_.Database(place.first);
    const ExpiryMode mode = database.expiry_mode();
    database.SetExpiryMode(ExpiryMode::kDelete);
    const Entry entry = database.Find(protocol::SlotOfKey(place.second), place.second,
                                      server_.now_ms, Access::kPeek);
    database.SetExpiryMode(mode);
    return !entry || !entry.expire_at_ms();
  });
}

}  // namespace slotway::storage
