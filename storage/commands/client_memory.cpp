// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/client_memory.h"

#include <algorithm>
#include <bit>

#include "config/shard_config.h"
#include "storage/commands/client_state.h"

namespace slotway::storage {
namespace {

// With less than this, nobody could say anything to the server any more.
constexpr std::uint64_t kLimitMinBytes = 128 * 1024;

}  // namespace

std::size_t MemoryOf(const ClientState& client, std::size_t pending_input) {
  std::size_t bytes = sizeof client + client.name.capacity() + client.watched_bytes;
  if (const runtime::Connection* connection = client.connection) {
    bytes += runtime::Connection::OwnBytes() + connection->RoomFor(pending_input) +
             connection->UnwrittenBytes();
  }
  if (client.transaction) bytes += sizeof(Transaction) + client.transaction->Bytes();
  if (client.subscriptions) bytes += client.subscriptions->Bytes();
  if (client.tracking) bytes += sizeof(ClientTracking) + client.tracking->prefix_bytes;
  return bytes;
}

std::uint64_t ClientMemoryLimit(const config::ShardConfig& config) {
  const config::MemoryOrPercent& limit = config.maxmemory_clients;
  const std::uint64_t bytes =
      limit.is_percent ? config.maxmemory_bytes / 100 * limit.amount : limit.amount;
  return bytes == 0 ? 0 : std::max(bytes, kLimitMinBytes);
}

void ClientMemory::Count(ClientState& client, std::size_t pending_input) {
  // What a replica has not taken has limits of its own: no client is to go because of it.
  if (client.is_cut || client.Is(ClientWay::kReplica)) return Forget(client);
  const std::size_t bytes = MemoryOf(client, pending_input);
  total_bytes_ += bytes - client.counted_bytes;
  client.counted_bytes = bytes;
  const bool may_go = !client.is_no_evict && !client.is_master;
  const std::uint8_t bucket = may_go ? BucketFor(bytes) : ClientState::kNoBucket;
  if (bucket != client.memory_bucket) MoveTo(client, bucket);
}

void ClientMemory::Forget(ClientState& client) {
  total_bytes_ -= client.counted_bytes;
  client.counted_bytes = 0;
  if (client.memory_bucket != ClientState::kNoBucket) MoveTo(client, ClientState::kNoBucket);
}

ClientState* ClientMemory::Largest() const {
  for (auto bucket = buckets_.rbegin(); bucket != buckets_.rend(); ++bucket) {
    if (!bucket->empty()) return bucket->back();
  }
  return nullptr;
}

std::uint8_t ClientMemory::BucketFor(std::size_t bytes) {
  const int log2 = static_cast<int>(std::bit_width(bytes)) - 1;
  return static_cast<std::uint8_t>(std::clamp(log2, kSmallestLog2, kLargestLog2) - kSmallestLog2);
}

// The last one takes the place that becomes free.
void ClientMemory::MoveTo(ClientState& client, std::uint8_t bucket) {
  if (client.memory_bucket != ClientState::kNoBucket) {
    std::vector<ClientState*>& left = buckets_[client.memory_bucket];
    left[client.place_in_bucket] = left.back();
    left[client.place_in_bucket]->place_in_bucket = client.place_in_bucket;
    left.pop_back();
  }
  client.memory_bucket = bucket;
  if (bucket == ClientState::kNoBucket) return;
  client.place_in_bucket = static_cast<std::uint32_t>(buckets_[bucket].size());
  buckets_[bucket].push_back(&client);
}

}  // namespace slotway::storage
