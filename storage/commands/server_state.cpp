// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/server_state.h"

#include <algorithm>
#include <utility>

#include "protocol/slot.h"
#include "runtime/clock.h"
#include "runtime/sha256.h"
#include "storage/commands/acl_changes.h"
#include "storage/commands/key_change.h"

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

Keyspace& ServerState::MakeDatabase(int index) {
  KeyspaceOptions options;
  options.hash_seed = random.Next();
  options.random_seed = random.Next();
  options.access = RulesOf(Config());
  auto& database = databases_[static_cast<std::size_t>(index)];
  database = std::make_unique<Keyspace>(arena, options);
  database->SetExpiryListener([this, made = database.get()](protocol::Slot, std::string_view key) {
    ++stats.expired_keys;
    if (propagation.IsOn()) [[unlikely]]
      propagation.AddDeletion(IndexOf(*made), key, Config().lazyfree_lazy_expire);
    if (TellsOfKeyChanges()) [[unlikely]]
      TellOfKeyChange(*this, IndexOf(*made), key, config::kNotifyExpired, "expired");
  });
  ListenForNewKeys(*database);
  database->SetExpiryMode(ExpiryModeNow());
  return *database;
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
  const std::size_t waiting =
      log_bytes - std::min(log_bytes, backlog_bytes) + persistence.log.buffered_bytes;
  const std::size_t used = UsedMemoryBytes();
  return used - std::min(used, waiting);
}

std::size_t ServerState::DataBytes() const {
  std::size_t bytes = 0;
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

void ServerState::NoteOwnKey(int db_index, std::string_view key) {
  const Entry entry =
      Database(db_index).Find(protocol::SlotOfKey(key), key, now_ms, Access::kPeek);
  if (entry && entry.expire_at_ms()) own_keys_.emplace(db_index, key);
}

void ServerState::ExpireOwnKeys() {
  if (own_keys_.empty() || persistence.loading.is_loading || paused_until_ms != 0) return;
  if (!replication.is_replica) return own_keys_.clear();
  std::erase_if(own_keys_, [this](const std::pair<int, std::string>& place) {
    Keyspace& database = Database(place.first);
    database.SetExpiryMode(ExpiryMode::kDelete);
    const Entry entry =
        database.Find(protocol::SlotOfKey(place.second), place.second, now_ms, Access::kPeek);
    database.SetExpiryMode(ExpiryModeNow());
    return !entry || !entry.expire_at_ms();
  });
}

void ServerState::ApplyAccessRules() {
  const AccessRules rules = RulesOf(Config());
  for (auto& database : databases_) {
    if (database) database->SetAccessRules(rules);
  }
}

}  // namespace slotway::storage
