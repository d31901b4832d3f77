// SPDX-License-Identifier: Apache-2.0
// Keys with a time to live that a writable replica has made itself: no master deletes them when
// their time has come. Engine thread only.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace slotway::storage {

class ServerState;

class OwnKeys {
 public:
  explicit OwnKeys(ServerState& server) : server_(server) {}

  // To be called when a key has changed on such a replica: remembers it, if it has a time to live.
  void Note(int db_index, std::string_view key);
  // Deletes those that are due.
  void Expire();
  // All data is another's: what has these names now is its master's.
  void Forget() { keys_.clear(); }
  std::size_t Count() const { return keys_.size(); }

 private:
  ServerState& server_;
  std::set<std::pair<int, std::string>> keys_;
};

}  // namespace slotway::storage
