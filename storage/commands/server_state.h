// SPDX-License-Identifier: Apache-2.0
// What all commands of one shard share: databases, settings, clock, counters, clients.
//
// A plain struct so that the hot path reads fields instead of calling through an interface; what
// is rare and belongs to the process (stopping it) is a function set by the server. Engine thread
// only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/shard_settings.h"
#include "protocol/command_table.h"
#include "runtime/random.h"
#include "storage/commands/command_stats.h"
#include "storage/commands/command_timing.h"
#include "storage/commands/key_waiters.h"
#include "storage/commands/latency_monitor.h"
#include "storage/commands/slow_log.h"
#include "storage/engine/keyspace.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {

class CommandContext;
class HandlerTable;
struct ClientState;

// Hears of every change of a key: keyspace events, WATCH, client-side caching. The replication
// stream hooks in beside it, at the executor's propagation point.
class KeyChangeListener {
 public:
  virtual ~KeyChangeListener() = default;
  virtual void OnKeyChanged(int db_index, const KeyRef& key, config::KeyspaceEvent event_class,
                            std::string_view event) = 0;
};

// What a CLUSTER-aware shard tells commands that are not about slots (INFO, HELLO, ROLE).
struct ReplicationFacts {
  bool is_replica = false;
  std::string replication_id;  // 40 hexadecimal digits
  std::int64_t offset = 0;
};

class ServerState {
 public:
  explicit ServerState(config::ShardSettings initial_settings);
  ~ServerState();
  ServerState(const ServerState&) = delete;
  ServerState& operator=(const ServerState&) = delete;

  const config::ShardConfig& Config() const { return settings.values(); }

  // A database, made when first asked for. REQUIRES: 0 <= index < DatabaseCount().
  Keyspace& Database(int index) {
    auto& database = databases_[static_cast<std::size_t>(index)];
    return database ? *database : MakeDatabase(index);
  }
  // nullptr when nobody has used it yet.
  Keyspace* DatabaseIfUsed(int index) { return databases_[static_cast<std::size_t>(index)].get(); }
  int DatabaseCount() const { return static_cast<int>(databases_.size()); }
  void SwapDatabases(int a, int b);
  // Bytes of keys, values and their index, over all databases.
  std::size_t DataBytes() const;
  std::size_t UsedMemoryBytes() const { return DataBytes() + process_bytes; }
  // Whether a command that adds data must be refused now.
  bool IsOverMemoryLimit() const {
    std::uint64_t limit = Config().maxmemory_bytes;
    return limit != 0 && UsedMemoryBytes() > limit;
  }
  void ApplyAccessClock();

  config::ShardSettings settings;
  const HandlerTable* handlers = nullptr;
  RecordArena arena;

  // Unix time, read once per batch of requests and again after anything slow.
  std::int64_t now_ms = 0;
  void RefreshClock();

  std::uint64_t changes = 0;             // every change of the data counts
  std::uint64_t changes_since_save = 0;  // as above, since the last snapshot
  KeyChangeListener* key_change_listener = nullptr;
  KeyWaiters waiters;

  ServerStats stats;
  CommandTiming timing;
  SlowLog slow_log;
  LatencyMonitor latency;
  ReplicationFacts replication;
  std::map<std::uint64_t, ClientState*> clients;  // by id, so in order of arrival
  std::uint64_t next_client_id = 1;
  runtime::Random random;

  std::string run_id;  // 40 hexadecimal digits
  std::int64_t start_time_ms = 0;
  std::int64_t last_save_time_s = 0;
  int listening_port = 0;
  std::size_t process_bytes = 0;  // memory beyond the data: measured by the timer
  std::size_t peak_memory_bytes = 0;
  bool active_expiry_enabled = true;  // DEBUG SET-ACTIVE-EXPIRE

  // Until when clients are held back, by CLIENT PAUSE.
  std::int64_t paused_until_ms = 0;
  bool pauses_writes_only = false;
  std::function<void()> unpause;  // called by CLIENT UNPAUSE

  // Set by the server. Ends the process in order, after the current batch.
  std::function<void()> request_shutdown;
  // Set by the server. Closes a connection at the end of this loop iteration.
  std::function<void(std::uint64_t client_id)> close_client;
  // Set by the server. Answers a client that waits: as if its time was up, or with an error.
  std::function<void(ClientState&, std::string_view error)> end_waiting;
  // Set by the server when cluster-enabled is on: CLUSTER and its subcommands.
  std::function<void(CommandContext&)> run_cluster_command;
  bool IsClusterEnabled() const { return Config().cluster_enabled; }

 private:
  Keyspace& MakeDatabase(int index);
  int IndexOf(const Keyspace& database) const;

  std::vector<std::unique_ptr<Keyspace>> databases_;
};

}  // namespace slotway::storage
