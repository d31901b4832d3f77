// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/client_push.h"

#include <utility>
#include <vector>

namespace slotway::storage {
namespace {

void Append(ServerState& server, ClientState& client, const PushedBytes& bytes) {
  if (client.is_cut || client.connection == nullptr) return;
  runtime::ByteQueue& output = client.connection->Output();
  if (bytes->size() < runtime::ByteQueue::kChunkBytes) {
    output.Append(*bytes);
  } else {
    output.AppendShared(bytes);
  }
  server.stats.output_bytes += bytes->size();
  client.connection->MarkForFlush();
  CheckOutputLimit(server, client);
  server.client_memory.Count(client);
  if (server.look_at_client_memory) server.look_at_client_memory();
}

}  // namespace

const config::ClientOutputLimit& OutputLimitOf(const ServerState& server,
                                               const ClientState& client) {
  const bool is_subscriber = client.Is(ClientWay::kSubscribed);
  return server.Config()
      .client_output_buffer_limit[is_subscriber ? config::kClientPubsub : config::kClientNormal];
}

void CutOff(ServerState& server, ClientState& client) {
  if (client.is_cut) return;
  client.is_cut = true;
  server.client_memory.Forget(client);
  server.close_client(client.id);
}

void Push(ServerState& server, ClientState& client, const PushedBytes& bytes) {
  if (&client != server.replying_to) {
    Append(server, client, bytes);
    return;
  }
  const std::uint64_t hard_bytes = OutputLimitOf(server, client).hard_bytes;
  server.held_push_bytes += bytes->size();
  if (hard_bytes != 0 && server.held_push_bytes > hard_bytes) CutOff(server, client);
  if (!client.is_cut) server.held_pushes.push_back(bytes);
}

void HeldPushes::Release() {
  ClientState& client = *server_.replying_to;
  server_.replying_to = nullptr;
  server_.held_push_bytes = 0;
  for (const PushedBytes& bytes : std::exchange(server_.held_pushes, {})) {
    Append(server_, client, bytes);
  }
}

void CheckOutputLimit(ServerState& server, ClientState& client) {
  if (client.Is(ClientWay::kReplica)) return;  // has no output but what is sent ahead
  const config::ClientOutputLimit& limit = OutputLimitOf(server, client);
  const std::size_t bytes = client.connection->UnwrittenBytes();
  const bool is_above_soft = limit.soft_bytes != 0 && bytes > limit.soft_bytes;
  if (!is_above_soft) client.soft_limit_since_ms = 0;
  if (is_above_soft && client.soft_limit_since_ms == 0) client.soft_limit_since_ms = server.now_ms;
  const bool is_above_hard = limit.hard_bytes != 0 && bytes > limit.hard_bytes;
  const std::int64_t soft_ms = limit.soft_s * 1000;
  const bool is_above_for_long =
      is_above_soft && server.now_ms - client.soft_limit_since_ms > soft_ms;
  if (is_above_hard || is_above_for_long) CutOff(server, client);
}

}  // namespace slotway::storage
