// SPDX-License-Identifier: Apache-2.0
// What clients are told without having asked for it just now: messages, invalidations, MONITOR's
// lines. CLIENT REPLY does not concern it.
//
// It never stands within a reply: what comes for the client whose request is running is held back
// until that is done. A client that does not take its output is cut off, by the limits of its class
// (client-output-buffer-limit). Engine thread only.
#pragma once

#include <memory>
#include <string>

#include "storage/commands/client_state.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

// shared: by the queues of all clients that have still to be sent it.
using PushedBytes = std::shared_ptr<const std::string>;

void Push(ServerState& server, ClientState& client, const PushedBytes& bytes);

// Around a request of a client: what is pushed to it meanwhile comes behind.
class HeldPushes {
 public:
  HeldPushes(ServerState& server, ClientState& client)
      : server_(server), outer_(server.replying_to) {
    server.replying_to = &client;
  }
  ~HeldPushes() {
    if (!server_.held_pushes.empty()) Release();
    server_.replying_to = outer_;
  }
  HeldPushes(const HeldPushes&) = delete;
  HeldPushes& operator=(const HeldPushes&) = delete;

 private:
  void Release();

  ServerState& server_;
  ClientState* outer_;
};

// client-output-buffer-limit for this client's class.
const config::ClientOutputLimit& OutputLimitOf(const ServerState& server,
                                               const ClientState& client);
// Its connection is closed at the end of this iteration, and nothing of its output leaves.
void CutOff(ServerState& server, ClientState& client);
// Cuts the client off if it has more output waiting than its class may have, or has had for longer.
void CheckOutputLimit(ServerState& server, ClientState& client);

}  // namespace slotway::storage
