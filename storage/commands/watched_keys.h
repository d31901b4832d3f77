// SPDX-License-Identifier: Apache-2.0
// Keys that clients watch (WATCH), and which of the clients must not EXEC because one was changed.
//
// A client whose key has changed is told at once, by ClientState::has_watched_change, and forgotten
// here with all its keys. While nobody watches, a change costs one comparison. Engine thread only.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/text_hash.h"

namespace slotway::storage {

struct ClientState;

class WatchedKeys {
 public:
  struct Key {
    int db_index = 0;
    std::string name;
    bool existed = false;  // when it began to be watched
  };

  bool IsAnyoneWatching() const { return !keys_of_.empty(); }

  // A key that the client watches already is left as it is.
  void Watch(ClientState& client, int db_index, std::string_view name, bool exists);
  // Forgets the client's keys, but not that one has changed.
  void Unwatch(ClientState& client);
  // Valid until the next call of any other function.
  const std::vector<Key>& KeysOf(const ClientState& client) const;

  void NoteChange(int db_index, std::string_view name);
  // Of the keys watched in this database all have changed for which this is true. It must not use
  // this object.
  using Changes = std::function<bool(std::string_view name)>;
  void NoteChanges(int db_index, const Changes& has_changed);

 private:
  void MarkAll(std::vector<ClientState*> clients);

  std::unordered_map<const ClientState*, std::vector<Key>> keys_of_;
  std::map<int, runtime::TextMap<std::vector<ClientState*>>> clients_;  // by database, by key
};

}  // namespace slotway::storage
