// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/server_state.h"

#include <algorithm>
#include <utility>

#include "protocol/slot.h"
#include "runtime/clock.h"
#include "runtime/sha256.h"
#include "storage/commands/acl_changes.h"
#include "storage/commands/key_change.h"
#include "storage/commands/replication_host.h"

namespace slotway::storage {
namespace {

AccessRules RulesOf(const config::ShardConfig& config) {
  return {.clock = IsLfu(config.maxmemory_policy) ? AccessClock::kLfu : AccessClock::kLru,
          .lfu_log_factor = static_cast<int>(config.lfu_log_factor),
          .lfu_decay_minutes = static_cast<int>(config.lfu_decay_time_min)};
}

}  // namespace

bool IsLfu(config::MaxmemoryPolicy policy) {
  return policy == config::MaxmemoryPolicy::kAllkeysLfu ||
         policy == config::MaxmemoryPolicy::kVolatileLfu;
}

bool IsLru(config::MaxmemoryPolicy policy) {
  return policy == config::MaxmemoryPolicy::kAllkeysLru ||
         policy == config::MaxmemoryPolicy::kVolatileLru;
}

ServerState::ServerState(config::ShardSettings initial_settings)
    : settings(std::move(initial_settings)),
      users(RulesContext()),
      random(runtime::SystemEntropy()) {
  databases_.resize(Config().cluster_enabled ? 1 : static_cast<std::size_t>(Config().databases));
  stats.commands.resize(protocol::CommandCount());
  timing.Apply(Config());
  run_id = random.HexId();
  replication.history.id = random.HexId();
  RefreshClock();
  start_time_ms = now_ms;
  persistence.saving.last_save_time_s = now_ms / 1000;
  Database(0);
  ApplyDefaultPassword(*this);
}

ServerState::~ServerState() = default;

protocol::AclContext ServerState::RulesContext() const {
  const bool allows_all = Config().acl_pubsub_default == config::AclPubsubDefault::kAllChannels;
  return {.hash = &runtime::Sha256Hex, .allows_all_channels = allows_all};
}

void ServerState::RefreshClock() { now_ms = runtime::UnixMs(); }

// With the seed of the one that it may replace, whose SCAN goes on in the other then.
std::unique_ptr<Keyspace> ServerState::NewDatabase(int index) {
  const Keyspace* present = DatabaseIfUsed(index);
  KeyspaceOptions options;
  options.hash_seed = present != nullptr ? present->hash_seed() : random.Next();
  options.random_seed = random.Next();
  options.access = RulesOf(Config());
  auto database = std::make_unique<Keyspace>(arena, options);
  database->SetExpiryListener([this, made = database.get()](protocol::Slot, std::string_view key) {
    ++stats.expired_keys;
    if (propagation.IsOn()) [[unlikely]]
      propagation.AddDeletion(IndexOf(*made), key, Config().lazyfree_lazy_expire);
    if (TellsOfKeyChanges()) [[unlikely]]
      TellOfKeyChange(*this, IndexOf(*made), key, config::kNotifyExpired, "expired");
  });
  database->SetExpiryMode(ExpiryMode::kIgnore);
  return database;
}

Keyspace& ServerState::MakeDatabase(int index) {
  auto& database = databases_[static_cast<std::size_t>(index)];
  database = NewDatabase(index);
  ListenForNewKeys(*database);
  database->SetExpiryMode(ExpiryModeNow());
  return *database;
}

void ServerState::ReplaceDatabase(int index, std::unique_ptr<Keyspace>& beside) {
  Database(index);
  beside->SetAccessRules(RulesOf(Config()));
  beside->SetExpiryMode(ExpiryModeNow());
  if (cluster.on_flush) cluster.on_flush();
  if (watched_keys.IsAnyoneWatching()) {
    watched_keys.NoteChanges(index, [&](std::string_view name) {
      return HasKey(index, name) || beside->Exists(protocol::SlotOfKey(name), name, now_ms);
    });
  }
  std::swap(databases_[static_cast<std::size_t>(index)], beside);
  ListenForNewKeys(Database(index));
  waiters.NoteDatabase(index);
}

// Each insertion would pay for it: only while somebody asked for these events.
void ServerState::ListenForNewKeys(Keyspace& database) {
  Keyspace::InsertListener listener;
  if ((Config().notify_keyspace_events & config::kNotifyNew) != 0) {
    listener = [this, made = &database](protocol::Slot, std::string_view key) {
      PublishKeyEvent(*this, IndexOf(*made), key, config::kNotifyNew, "new");
    };
  }
  database.SetInsertListener(std::move(listener));
}

void ServerState::ApplyKeyEvents() {
  for (auto& database : databases_) {
    if (database) ListenForNewKeys(*database);
  }
}

int ServerState::IndexOf(const Keyspace& database) const {
  int index = 0;
  while (databases_[static_cast<std::size_t>(index)].get() != &database) ++index;
  return index;
}

void ServerState::WillFlush(int index) {
  if (cluster.on_flush) cluster.on_flush();
  if (!watched_keys.IsAnyoneWatching()) return;
  watched_keys.NoteChanges(index,
                           [this, index](std::string_view name) { return HasKey(index, name); });
}

bool ServerState::HasKey(int db_index, std::string_view name) {
  return Database(db_index).Exists(protocol::SlotOfKey(name), name, now_ms);
}

void ServerState::SwapDatabases(int a, int b) {
  if (watched_keys.IsAnyoneWatching()) {
    for (int index : {a, b}) {
      watched_keys.NoteChanges(index, [this, a, b](std::string_view name) {
        return a != b && (HasKey(a, name) || HasKey(b, name));
      });
    }
  }
  std::swap(databases_[static_cast<std::size_t>(a)], databases_[static_cast<std::size_t>(b)]);
  waiters.NoteDatabase(a);
  waiters.NoteDatabase(b);
}

std::size_t ServerState::CountedMemoryBytes() const {
  const auto log_bytes = static_cast<std::size_t>(replication.log_bytes);
  const auto backlog_bytes = static_cast<std::size_t>(Config().repl_backlog_size);
  const std::size_t unsent = replication_host != nullptr ? replication_host->UnsentBytes() : 0;
  const std::size_t waiting =
      log_bytes - std::min(log_bytes, backlog_bytes) + unsent + persistence.log.buffered_bytes;
  const std::size_t used = UsedMemoryBytes();
  return used - std::min(used, waiting);
}

std::size_t ServerState::DataBytes() const {
  std::size_t bytes = incoming.Bytes();
  for (const auto& database : databases_) {
    if (database) bytes += database->Memory().Total();
  }
  return bytes;
}

ExpiryMode ServerState::ExpiryModeNow() const {
  if (persistence.loading.is_loading || applies_stream_) return ExpiryMode::kIgnore;
  const bool is_kept = paused_until_ms != 0 || replication.is_replica;
  return is_kept ? ExpiryMode::kHide : ExpiryMode::kDelete;
}

void ServerState::ApplyExpiryMode() {
  for (auto& database : databases_) {
    if (database) database->SetExpiryMode(ExpiryModeNow());
  }
}

void ServerState::ApplyAccessRules() {
  const AccessRules rules = RulesOf(Config());
  for (auto& database : databases_) {
    if (database) database->SetAccessRules(rules);
  }
}

}  // namespace slotway::storage
