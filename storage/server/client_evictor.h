// SPDX-License-Identifier: Apache-2.0
// Ends clients while all together take more than maxmemory-clients, the largest first.
//
// It is seen to in the next turn of the loop, when output that the sockets take has left, or before
// another client's requests run. Engine thread only.
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/event_loop.h"
#include "storage/commands/client_state.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class ClientEvictor {
 public:
  using CloseClient = std::function<void(std::uint64_t client_id)>;

  ClientEvictor(runtime::EventLoop& loop, ServerState& server, CloseClient close)
      : loop_(loop), server_(server), close_(std::move(close)) {}

  // To be called when clients may take too much. Cheap while they do not.
  void Look() {
    if (server_.client_memory.IsOver(server_.Config())) [[unlikely]]
      EvictSoon();
  }
  // Before requests of this client run: what has not been seen to. False when it is the one to go;
  // then the caller closes it.
  bool EvictFor(ClientState& client) {
    if (is_scheduled_) [[unlikely]]
      Evict(&client);
    return !client.is_cut;
  }

 private:
  void EvictSoon();
  void Evict(const ClientState* running);

  runtime::EventLoop& loop_;
  ServerState& server_;
  CloseClient close_;
  bool is_scheduled_ = false;
};

}  // namespace slotway::storage
