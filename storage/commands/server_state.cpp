// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/server_state.h"

#include <algorithm>
#include <utility>

#include "runtime/clock.h"

namespace slotway::storage {
namespace {

bool IsLfu(config::MaxmemoryPolicy policy) {
  return policy == config::MaxmemoryPolicy::kAllkeysLfu ||
         policy == config::MaxmemoryPolicy::kVolatileLfu;
}

}  // namespace

ServerState::ServerState(config::ShardSettings initial_settings)
    : settings(std::move(initial_settings)), random(runtime::SystemEntropy()) {
  databases_.resize(Config().cluster_enabled ? 1 : static_cast<std::size_t>(Config().databases));
  stats.commands.resize(protocol::CommandCount());
  timing.Apply(Config());
  run_id = random.HexId();
  replication.replication_id = random.HexId();
  RefreshClock();
  start_time_ms = now_ms;
  last_save_time_s = now_ms / 1000;
  Database(0);
}

ServerState::~ServerState() = default;

void ServerState::RefreshClock() { now_ms = runtime::UnixMs(); }

Keyspace& ServerState::MakeDatabase(int index) {
  KeyspaceOptions options;
  options.hash_seed = random.Next();
  options.random_seed = random.Next();
  options.access_clock = IsLfu(Config().maxmemory_policy) ? AccessClock::kLfu : AccessClock::kLru;
  options.lfu_log_factor = static_cast<int>(Config().lfu_log_factor);
  options.lfu_decay_minutes = static_cast<int>(Config().lfu_decay_time_min);
  auto& database = databases_[static_cast<std::size_t>(index)];
  database = std::make_unique<Keyspace>(arena, options);
  database->SetExpiryListener([this, made = database.get()](protocol::Slot, std::string_view key) {
    ++stats.expired_keys;
    if (waiters.IsAnyoneWaiting()) [[unlikely]]
      waiters.NoteChange(IndexOf(*made), key);
  });
  return *database;
}

int ServerState::IndexOf(const Keyspace& database) const {
  int index = 0;
  while (databases_[static_cast<std::size_t>(index)].get() != &database) ++index;
  return index;
}

void ServerState::SwapDatabases(int a, int b) {
  std::swap(databases_[static_cast<std::size_t>(a)], databases_[static_cast<std::size_t>(b)]);
  waiters.NoteDatabase(a);
  waiters.NoteDatabase(b);
}

std::size_t ServerState::DataBytes() const {
  std::size_t bytes = 0;
  for (const auto& database : databases_) {
    if (database) bytes += database->Memory().Total();
  }
  return bytes;
}

void ServerState::ApplyAccessClock() {
  AccessClock clock = IsLfu(Config().maxmemory_policy) ? AccessClock::kLfu : AccessClock::kLru;
  for (auto& database : databases_) {
    if (database) database->SetAccessClock(clock);
  }
}

}  // namespace slotway::storage
