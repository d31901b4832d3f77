// SPDX-License-Identifier: Apache-2.0
// Gives memory back that is held by nearly empty pages: records are moved off them, a little at a
// time, when much of the arena's pages is free.
//
// What is in large values stays where it is. Engine thread only, between commands.
#pragma once

#include <cstdint>

#include "storage/commands/server_state.h"

namespace slotway::storage {

class Compactor {
 public:
  explicit Compactor(ServerState& server) : server_(server) {}

  // Begins a round if there is enough to gain. To be called about once a second.
  void Look();
  // Goes on with the round, for half a millisecond at most.
  void Step();
  bool IsRunning() const { return is_running_; }

 private:
  ServerState& server_;
  bool is_running_ = false;
  int db_index_ = 0;
  std::uint64_t cursor_ = 0;
};

}  // namespace slotway::storage
