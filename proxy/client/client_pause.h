// SPDX-License-Identifier: Apache-2.0
// CLIENT PAUSE on one worker: until when the requests of its clients are held, and which.
//
// A held request stays unread in its client's connection, and so does all behind it: what is held
// is bounded by what a paused connection keeps. Belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/command.h"
#include "runtime/event_loop.h"

namespace slotway::proxy {

struct WorkerServices;

struct ClientPause {
  std::optional<runtime::Timer> timer;  // runs while clients are paused
  std::uint64_t until_ms = 0;           // loop time
  bool holds_all = false;               // not only writes

  bool IsOn() const { return timer && timer->IsActive(); }
};

// A pause that is on is never shortened, and does not hold less than before.
void PauseClients(WorkerServices& services, std::uint64_t for_ms, bool holds_all);
void UnpauseClients(WorkerServices& services);

// Whether a pause of writes holds the command: what Redis lets no replica miss. Writes, scripts that
// may write, messages, and PFCOUNT, which keeps what it has counted.
bool MayChangeReplicas(const protocol::CommandSpec& spec);

}  // namespace slotway::proxy
