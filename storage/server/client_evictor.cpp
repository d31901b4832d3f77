// SPDX-License-Identifier: Apache-2.0
#include "storage/server/client_evictor.h"

#include <utility>

#include "runtime/log.h"
#include "storage/commands/client_description.h"
#include "storage/commands/client_state.h"

namespace slotway::storage {

void ClientEvictor::EvictSoon() {
  if (std::exchange(is_scheduled_, true)) return;
  loop_.DeferToNextTurn([this] {
    is_scheduled_ = false;
    Evict(nullptr);
  });
}

void ClientEvictor::Evict(const ClientState* running) {
  ClientMemory& memory = server_.client_memory;
  while (memory.IsOver(server_.Config())) {
    ClientState* client = memory.Largest();
    if (client == nullptr) return;  // the others may not be ended
    // It may have sent what it was counted with.
    memory.Count(*client);
    if (memory.Largest() != client || !memory.IsOver(server_.Config())) continue;
    runtime::LogInfo("evicting a client: {}", DescribeClient(*client, server_.now_ms));
    ++server_.stats.evicted_clients;
    client->is_cut = true;
    memory.Forget(*client);
    if (client != running) close_(client->id);
  }
}

}  // namespace slotway::storage
