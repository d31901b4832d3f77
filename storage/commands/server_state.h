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
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/shard_settings.h"
#include "config/shard_tls.h"
#include "protocol/acl_log.h"
#include "protocol/acl_users.h"
#include "protocol/command_table.h"
#include "runtime/allocator.h"
#include "runtime/byte_queue.h"
#include "runtime/random.h"
#include "storage/commands/client_memory.h"
#include "storage/commands/client_state.h"
#include "storage/commands/cluster_hooks.h"
#include "storage/commands/command_stats.h"
#include "storage/commands/command_timing.h"
#include "storage/commands/held_replies.h"
#include "storage/commands/incoming_data.h"
#include "storage/commands/key_waiters.h"
#include "storage/commands/latency_monitor.h"
#include "storage/commands/own_keys.h"
#include "storage/commands/persistence_facts.h"
#include "storage/commands/propagation.h"
#include "storage/commands/pubsub_channels.h"
#include "storage/commands/replication_facts.h"
#include "storage/commands/slow_log.h"
#include "storage/commands/tracking_table.h"
#include "storage/commands/watched_keys.h"
#include "storage/engine/keyspace.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {

class CommandContext;
class HandlerTable;
class PersistenceHost;
class ReplicationHost;
class ScriptHost;
class ShutdownHost;
class SnapshotRunner;

// Whether keys are chosen by how often they are used.
bool IsLfu(config::MaxmemoryPolicy policy);
// Whether by when they were used last.
bool IsLru(config::MaxmemoryPolicy policy);

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
  // One to stand beside that of this number, and to change places with it.
  std::unique_ptr<Keyspace> NewDatabase(int index);
  void ReplaceDatabase(int index, std::unique_ptr<Keyspace>& beside);
  // To be called before all keys of a database go.
  void WillFlush(int index);
  // Bytes of keys, values and their index, over all databases.
  std::size_t DataBytes() const;
  // Everything the process has allocated, exactly, but for what is kept ready for output.
  std::size_t UsedMemoryBytes() const {
    return arena.allocated_bytes() + heap.Bytes() - runtime::ByteQueue::IdleBytes();
  }
  // What is compared with `maxmemory`: without what waits for slow replicas and for the append-only
  // log's file, which evicting makes grow.
  std::size_t CountedMemoryBytes() const;
  bool IsOverMemoryLimit() const {
    const std::uint64_t limit = Config().maxmemory_bytes;
    return limit != 0 && UsedMemoryBytes() > limit && CountedMemoryBytes() > limit;
  }
  // Whether commands that add data must be refused: found out before each command, so that it
  // stays while a script or transaction runs.
  bool IsOutOfMemory() const { return Config().maxmemory_bytes != 0 && is_out_of_memory; }
  // To be called when maxmemory-policy, lfu-log-factor or lfu-decay-time has changed.
  void ApplyAccessRules();
  // Whether replies to this client may have to be held: see held_replies.h.
  bool HoldsReplies(const ClientState& client) const {
    return Config().min_replicas_to_ack != 0 || client.replicas_to_ack != 0;
  }
  // Whether a write must be refused now.
  bool LacksReplicas(const ClientState& client) const {
    const std::int64_t wanted = Config().min_replicas_to_write;
    if (HoldsReplies(client) && held_replies.LacksReplicas(client)) return true;
    return wanted != 0 && Config().min_replicas_max_lag_s != 0 && !replication.is_replica &&
           replication.good_replicas < static_cast<std::size_t>(wanted);
  }
  // Whether what changes now is a replica's own: no master deletes it when its time has come.
  bool IsWritableReplica() const {
    return replication.is_replica && !Config().replica_read_only && !applies_stream_;
  }
  // Whether its master alone may write.
  bool IsReadonly() const { return replication.is_replica && Config().replica_read_only; }
  // To be called when notify-keyspace-events has changed.
  void ApplyKeyEvents();

  config::ShardSettings settings;
  const HandlerTable* handlers = nullptr;
  runtime::HeapMeter heap;
  RecordArena arena;

  // Unix time, read once per batch of requests and again after anything slow.
  std::int64_t now_ms = 0;
  void RefreshClock();

  // Every change of the data; those since the last snapshot; and which are counted among those.
  std::uint64_t changes = 0, changes_since_save = 0, changes_counted = 0;
  Propagation propagation;
  KeyWaiters waiters;
  HeldReplies held_replies{*this};
  WatchedKeys watched_keys;
  OwnKeys own_keys{*this};
  IncomingData incoming{*this};
  PubsubChannels pubsub;
  TrackingTable tracking;
  std::vector<ClientState*> monitors;
  // Whether somebody has to see each command that ran.
  bool ShowsCommands() const { return tracking.IsOn() || !monitors.empty(); }
  int calls_within = 0;  // how deep in commands that run others: EXEC, scripts
  // Whether a change of a key is of interest to anybody: see key_change.h.
  bool TellsOfKeyChanges() const {
    return waiters.IsAnyoneWaiting() || watched_keys.IsAnyoneWatching() ||
           Config().notify_keyspace_events != 0 || tracking.IsOn() || IsWritableReplica();
  }
  // The client whose request is running, and what is to be sent to it behind the reply: see
  // client_push.h. Clients to whom nothing is pushed are not told here.
  ClientState* replying_to = nullptr;
  std::vector<std::shared_ptr<const std::string>> held_pushes;  // shared: see PushedBytes
  std::size_t held_push_bytes = 0;

  protocol::AclUsers users;
  protocol::AclLog acl_log;
  // What rules of users depend on, now.
  protocol::AclContext RulesContext() const;

  ServerStats stats;
  CommandTiming timing;
  SlowLog slow_log;
  LatencyMonitor latency;
  ReplicationFacts replication;
  std::map<std::uint64_t, ClientState*> clients;  // by id, so in order of arrival
  ClientMemory client_memory;
  std::uint64_t next_client_id = 1;
  runtime::Random random;

  std::string run_id;  // 40 hexadecimal digits
  std::int64_t start_time_ms = 0;
  int listening_port = 0;  // in plain; 0: none
  config::ShardTls tls;
  std::size_t startup_memory_bytes = 0;
  std::size_t peak_memory_bytes = 0;
  bool is_out_of_memory = false;  // see IsOutOfMemory()

  // ---- DEBUG ----

  bool active_expiry_enabled = true;  // SET-ACTIVE-EXPIRE
  bool is_cron_paused = false;        // PAUSE-CRON: nothing happens by itself
  bool scripts_may_call_all = false;  // SET-DISABLE-DENY-SCRIPTS

  // ---- Persistence ----

  PersistenceFacts persistence;
  // Whether there may be something for which commands are refused: data is being loaded or is
  // lacking, or the disk does not take writes.
  bool HasUnusualState() const {
    return persistence.loading.is_loading || !persistence.write_refusal.empty() ||
           replication.is_replica || replication.lacks_data;
  }
  PersistenceHost* persistence_host = nullptr;  // set by the server
  SnapshotRunner* snapshots = nullptr;          // set by the server
  ShutdownHost* shutdown_host = nullptr;        // set by the server
  ReplicationHost* replication_host = nullptr;  // set by the server

  // ---- Scripts ----

  ScriptHost* scripts = nullptr;  // set by the server
  // While a script runs for too long: the answer to everybody, but for the few commands that are
  // allowed then; and whose script it is. Empty otherwise.
  std::string_view busy_error;
  std::uint64_t busy_client_id = 0;
  // Set by the server. Serves other clients for a moment in the middle of a script.
  std::function<void()> serve_while_busy;

  // Until when clients are held back, by CLIENT PAUSE.
  std::int64_t paused_until_ms = 0;
  bool pauses_writes_only = false;
  bool holds_slots = false;  // requests for slots that are handed over: see ClusterHooks
  std::size_t clients_held_back = 0;
  std::function<void()> unpause;  // called by CLIENT UNPAUSE
  // What is due is hidden, not deleted, while clients are held back, and stays while data is
  // loaded: to be called when either has changed.
  void ApplyExpiryMode();
  // While requests of the master are applied its clock counts: what it has not deleted is there.
  void SetAppliesStream(bool applies) {
    applies_stream_ = applies;
    ApplyExpiryMode();
  }

  // Set by the server. Calls BroadcastInvalidations() at the end of this loop iteration.
  std::function<void()> schedule_broadcast;
  // Set by the server. Closes a connection at the end of this loop iteration.
  std::function<void(std::uint64_t client_id)> close_client;
  // Set by the server. To be called when somebody was given something without having asked.
  std::function<void()> look_at_client_memory;
  // To be called when more of the stream is known to be on replicas or disks.
  std::function<void()> on_acknowledged;
  // Set by the server. Answers a client that waits: as if its time was up, or with an error.
  std::function<void(ClientState&, std::string_view error)> end_waiting;
  ClusterHooks cluster;  // set by the server when cluster-enabled is on
  bool IsClusterEnabled() const { return Config().cluster_enabled; }

 private:
  Keyspace& MakeDatabase(int index);
  ExpiryMode ExpiryModeNow() const;
  void ListenForNewKeys(Keyspace& database);
  int IndexOf(const Keyspace& database) const;
  bool HasKey(int db_index, std::string_view name);

  std::vector<std::unique_ptr<Keyspace>> databases_;
  bool applies_stream_ = false;
};

}  // namespace slotway::storage
