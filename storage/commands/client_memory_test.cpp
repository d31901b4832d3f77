// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/client_memory.h"

#include "config/shard_config.h"
#include "storage/commands/client_state.h"

namespace slotway::storage {
namespace {

TEST(ClientMemory, TheSumIsThatOfAllClients) {
  ClientMemory memory;
  ClientState small, large;
  memory.Count(small);
  memory.Count(large);
  EXPECT_EQ(memory.TotalBytes(), MemoryOf(small) + MemoryOf(large));
  large.watched_bytes = 1'000'000;
  memory.Count(large);
  EXPECT_EQ(memory.TotalBytes(), MemoryOf(small) + MemoryOf(large));
  EXPECT_GT(memory.TotalBytes(), 1'000'000u);
  memory.Forget(large);
  memory.Forget(small);
  EXPECT_EQ(memory.TotalBytes(), 0u);
  EXPECT_EQ(memory.Largest(), nullptr);
}

TEST(ClientMemory, TheLargestGoesFirst) {
  ClientMemory memory;
  ClientState clients[4];
  for (std::size_t i = 0; i < 4; ++i) {
    clients[i].watched_bytes = std::size_t{50'000} << 2 * i;
    memory.Count(clients[i]);
  }
  for (std::size_t i = 4; i-- > 0;) {
    EXPECT_EQ(memory.Largest(), &clients[i]);
    memory.Forget(clients[i]);
  }
}

TEST(ClientMemory, WhoMayNotGoCountsAllTheSame) {
  ClientMemory memory;
  ClientState protected_client, other;
  protected_client.is_no_evict = true;
  protected_client.watched_bytes = 1'000'000;
  memory.Count(protected_client);
  memory.Count(other);
  EXPECT_EQ(memory.Largest(), &other);
  EXPECT_GT(memory.TotalBytes(), 1'000'000u);
  protected_client.is_no_evict = false;
  memory.Count(protected_client);
  EXPECT_EQ(memory.Largest(), &protected_client);
  protected_client.is_cut = true;
  memory.Count(protected_client);
  EXPECT_EQ(memory.Largest(), &other);
  EXPECT_EQ(memory.TotalBytes(), MemoryOf(other));
}

TEST(ClientMemory, ReplicasDoNotCount) {
  ClientMemory memory;
  ClientState client;
  client.watched_bytes = 1'000'000;
  memory.Count(client);
  client.Set(ClientWay::kReplica);
  memory.Count(client);
  EXPECT_EQ(memory.TotalBytes(), 0u);
  EXPECT_EQ(memory.Largest(), nullptr);
}

TEST(ClientMemory, TheLimitIsBytesOrAShareOfAllMemory) {
  config::ShardConfig config;
  EXPECT_EQ(ClientMemoryLimit(config), 0u);
  config.maxmemory_clients = {3'000'000, false};
  EXPECT_EQ(ClientMemoryLimit(config), 3'000'000u);
  config.maxmemory_clients = {5, true};
  EXPECT_EQ(ClientMemoryLimit(config), 0u) << "a share of nothing is no limit";
  config.maxmemory_bytes = 100'000'000;
  EXPECT_EQ(ClientMemoryLimit(config), 5'000'000u);
  config.maxmemory_clients = {1, false};
  EXPECT_EQ(ClientMemoryLimit(config), 128u * 1024) << "less would lock everybody out";
}

}  // namespace
}  // namespace slotway::storage
