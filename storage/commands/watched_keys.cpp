// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/watched_keys.h"

#include <algorithm>
#include <utility>

#include "storage/commands/client_state.h"

namespace slotway::storage {
namespace {

// What watching takes beside the key's name: a Key, a node of the table of all, a list of clients.
constexpr std::size_t kWatchBytes = sizeof(WatchedKeys::Key) + 96;

}  // namespace

void WatchedKeys::Watch(ClientState& client, int db_index, std::string_view name, bool exists) {
  std::vector<Key>& keys = keys_of_[&client];
  const bool is_known = std::any_of(keys.begin(), keys.end(), [&](const Key& key) {
    return key.db_index == db_index && key.name == name;
  });
  if (is_known) return;
  keys.push_back({db_index, std::string(name), exists});
  client.watched_bytes += name.size() + kWatchBytes;
  clients_[db_index][keys.back().name].push_back(&client);
}

void WatchedKeys::Unwatch(ClientState& client) {
  const auto found = keys_of_.find(&client);
  if (found == keys_of_.end()) return;
  for (const Key& key : found->second) {
    auto& by_name = clients_[key.db_index];
    const auto entry = by_name.find(key.name);
    std::erase(entry->second, &client);
    if (entry->second.empty()) by_name.erase(entry);
  }
  keys_of_.erase(found);
  client.watched_bytes = 0;
}

const std::vector<WatchedKeys::Key>& WatchedKeys::KeysOf(const ClientState& client) const {
  static const std::vector<Key> kNone;
  const auto found = keys_of_.find(&client);
  return found != keys_of_.end() ? found->second : kNone;
}

void WatchedKeys::MarkAll(std::vector<ClientState*> clients) {
  for (ClientState* client : clients) {
    client->has_watched_change = true;
    Unwatch(*client);
  }
}

void WatchedKeys::NoteChange(int db_index, std::string_view name) {
  const auto by_name = clients_.find(db_index);
  if (by_name == clients_.end()) return;
  const auto entry = by_name->second.find(name);
  if (entry != by_name->second.end()) MarkAll(entry->second);
}

void WatchedKeys::NoteChanges(int db_index, const Changes& has_changed) {
  const auto by_name = clients_.find(db_index);
  if (by_name == clients_.end()) return;
  std::vector<ClientState*> clients;
  for (const auto& [name, watching] : by_name->second) {
    if (has_changed(name)) clients.insert(clients.end(), watching.begin(), watching.end());
  }
  MarkAll(std::move(clients));
}

}  // namespace slotway::storage
