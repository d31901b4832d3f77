// SPDX-License-Identifier: Apache-2.0
// The typed settings of a shard, named after Redis's directives (units added).
//
// Plain values with the shard's defaults; hot code reads the fields directly. shard_schema.h ties
// each field to its directive; shard_settings.h reads, shows and changes them. Lives on the engine
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/shard_tls_config.h"

namespace slotway::config {

enum class MaxmemoryPolicy {
  kVolatileLru,
  kVolatileLfu,
  kVolatileRandom,
  kVolatileTtl,
  kAllkeysLru,
  kAllkeysLfu,
  kAllkeysRandom,
  kNoeviction,
};
enum class AppendFsync { kEverysec, kAlways, kNo };
enum class ShardLogLevel { kDebug, kVerbose, kNotice, kWarning };
enum class DumpSanitizing { kNo, kYes, kClients };
enum class LocalOnly { kNo, kYes, kLocal };  // kLocal: loopback clients only
enum class EndpointType { kIp, kHostname, kUnknown };
enum class AclPubsubDefault { kAllChannels, kResetChannels };
enum class DisklessLoad { kDisabled, kOnEmptyDb, kSwapdb };

struct MemoryOrPercent {
  uint64_t amount = 0;  // bytes, or percent of maxmemory
  bool is_percent = false;
  bool operator==(const MemoryOrPercent&) const = default;
};

// One class of clients; all 0: no limit.
struct ClientOutputLimit {
  uint64_t hard_bytes = 0;
  uint64_t soft_bytes = 0;
  int64_t soft_s = 0;
  bool operator==(const ClientOutputLimit&) const = default;
};
enum ClientClass { kClientNormal, kClientReplica, kClientPubsub, kClientClasses };

struct SavePoint {
  int64_t seconds = 0;
  int64_t changes = 0;
  bool operator==(const SavePoint&) const = default;
};

// Which events notify-keyspace-events asks for: bits.
enum KeyspaceEvent : uint32_t {
  kNotifyKeyspace = 1 << 0,  // K
  kNotifyKeyevent = 1 << 1,  // E
  kNotifyGeneric = 1 << 2,   // g
  kNotifyString = 1 << 3,    // $
  kNotifyList = 1 << 4,      // l
  kNotifySet = 1 << 5,       // s
  kNotifyHash = 1 << 6,      // h
  kNotifyZset = 1 << 7,      // z
  kNotifyExpired = 1 << 8,   // x
  kNotifyEvicted = 1 << 9,   // e
  kNotifyStream = 1 << 10,   // t
  kNotifyKeyMiss = 1 << 11,  // m
  kNotifyModule = 1 << 13,   // d
  kNotifyNew = 1 << 14,      // n
  kNotifyAll = kNotifyGeneric | kNotifyString | kNotifyList | kNotifySet | kNotifyHash |
               kNotifyZset | kNotifyExpired | kNotifyEvicted | kNotifyStream | kNotifyModule,
};

// How a signal ends the process; bits. None: as SHUTDOWN without a word.
enum ShutdownOption : uint32_t {
  kShutdownSave = 1 << 0,
  kShutdownNosave = 1 << 1,
  kShutdownNow = 1 << 2,
  kShutdownForce = 1 << 3,
};

struct ShardConfig : ShardTlsConfig {
  // Network
  std::vector<std::string> bind = {"*", "-::*"};  // '-': may be unavailable
  int64_t port = 6379;
  std::string unixsocket;  // a path; empty: none
  uint32_t unixsocketperm = 0;  // of that file; 0: what the umask leaves
  bool protected_mode = true;
  int64_t tcp_backlog = 511;
  int64_t tcp_keepalive_s = 300;
  int64_t timeout_s = 0;
  int64_t maxclients = 10000;
  int64_t proto_max_bulk_len = 512ll * 1024 * 1024;
  int64_t client_query_buffer_limit = 1024ll * 1024 * 1024;
  std::array<ClientOutputLimit, kClientClasses> client_output_buffer_limit = {
      ClientOutputLimit{}, ClientOutputLimit{256ull << 20, 64ull << 20, 60},
      ClientOutputLimit{32ull << 20, 8ull << 20, 60}};
  int64_t tracking_table_max_keys = 1000000;
  int64_t pause_max_us = 400;  // with nothing to do, while many wait; 0: never
  int64_t admin_port = 0;      // 0: off
  std::string admin_bind = "127.0.0.1";

  // Access
  std::string requirepass;
  std::string aclfile;
  std::vector<std::string> acl_users;  // `user ...` lines, in order, without the word `user`
  int64_t acllog_max_len = 128;
  AclPubsubDefault acl_pubsub_default = AclPubsubDefault::kResetChannels;
  LocalOnly enable_debug_command = LocalOnly::kNo;
  LocalOnly enable_protected_configs = LocalOnly::kNo;  // CONFIG SET dir and the like

  // Process
  std::string dir = ".";  // made absolute when the settings are read
  std::string pidfile;
  std::string logfile;  // empty: standard output
  ShardLogLevel loglevel = ShardLogLevel::kNotice;
  int64_t databases = 16;
  int64_t hz = 10;
  bool dynamic_hz = true;
  int64_t shutdown_timeout_s = 10;
  uint32_t shutdown_on_sigint = 0;   // ShutdownOption bits
  uint32_t shutdown_on_sigterm = 0;

  // Memory
  uint64_t maxmemory_bytes = 0;  // 0: no limit
  MaxmemoryPolicy maxmemory_policy = MaxmemoryPolicy::kNoeviction;
  MemoryOrPercent maxmemory_clients;
  int64_t maxmemory_samples = 5;
  int64_t maxmemory_eviction_tenacity = 10;
  int64_t lfu_log_factor = 10;
  int64_t lfu_decay_time_min = 1;
  bool activerehashing = true;
  int64_t active_expire_effort = 1;
  bool lazyfree_lazy_eviction = false;
  bool lazyfree_lazy_expire = false;
  bool lazyfree_lazy_server_del = false;
  bool lazyfree_lazy_user_del = false;
  bool lazyfree_lazy_user_flush = false;
  bool replica_lazy_flush = false;

  // Encodings
  uint64_t hash_max_listpack_entries = 512;
  uint64_t hash_max_listpack_value = 64;
  uint64_t set_max_intset_entries = 512;
  uint64_t set_max_listpack_entries = 128;
  uint64_t set_max_listpack_value = 64;
  uint64_t zset_max_listpack_entries = 128;
  uint64_t zset_max_listpack_value = 64;
  int64_t list_max_listpack_size = -2;  // > 0: elements; -1..-5: 4, 8, 16, 32, 64 KB
  int64_t list_compress_depth = 0;
  // Elements of this size have a part of a long list to themselves; 0: no such size. For tests.
  uint64_t quicklist_packed_threshold = 0;
  uint64_t hll_sparse_max_bytes = 3000;
  uint64_t stream_node_max_bytes = 4096;
  int64_t stream_node_max_entries = 100;

  // Observation
  uint32_t notify_keyspace_events = 0;         // KeyspaceEvent bits
  int64_t slowlog_log_slower_than_us = 10000;  // 0: everything; -1: nothing
  int64_t slowlog_max_len = 128;
  int64_t latency_monitor_threshold_ms = 0;
  bool latency_tracking = true;
  std::vector<double> latency_tracking_info_percentiles = {50, 99, 99.9};
  int64_t busy_reply_threshold_ms = 5000;

  // Persistence
  std::vector<SavePoint> save;  // none by default, unlike Redis
  std::string dbfilename = "dump.rdb";
  bool rdbcompression = true;
  int64_t rdb_key_save_delay_us = 0;  // to make tests possible; see storage/persistence/key_pace.h
  int64_t key_load_delay_us = 0;
  bool rdbchecksum = true;
  int64_t rdb_version = 11;  // of files that are written; 10: as Redis 7.0 reads them
  bool rdb_del_sync_files = false;
  bool stop_writes_on_bgsave_error = true;
  DumpSanitizing sanitize_dump_payload = DumpSanitizing::kNo;
  bool appendonly = false;
  std::string appendfilename = "appendonly.aof";
  std::string appenddirname = "appendonlydir";
  AppendFsync appendfsync = AppendFsync::kEverysec;
  bool no_appendfsync_on_rewrite = false;
  int64_t auto_aof_rewrite_percentage = 100;
  int64_t auto_aof_rewrite_min_size = 64ll * 1024 * 1024;
  bool aof_load_truncated = true;
  bool aof_use_rdb_preamble = true;
  bool aof_timestamp_enabled = false;

  // Replication
  std::string replicaof_host;  // empty: a master
  int64_t replicaof_port = 0;
  std::string masterauth;
  std::string masteruser;
  bool replica_serve_stale_data = true;
  bool replica_read_only = true;
  int64_t replica_priority = 100;
  bool replica_announced = true;
  std::string replica_announce_ip;
  int64_t replica_announce_port = 0;
  bool replica_ignore_maxmemory = true;
  int64_t repl_backlog_size = 1024 * 1024;
  int64_t repl_backlog_ttl_s = 3600;
  int64_t repl_timeout_s = 60;
  int64_t repl_ping_replica_period_s = 10;
  bool repl_disable_tcp_nodelay = false;
  bool repl_diskless_sync = true;
  int64_t repl_diskless_sync_delay_s = 5;
  int64_t repl_diskless_sync_max_replicas = 0;
  DisklessLoad repl_diskless_load = DisklessLoad::kDisabled;
  int64_t min_replicas_to_write = 0;
  int64_t min_replicas_max_lag_s = 10;
  int64_t min_replicas_to_ack = 0;  // -1: the majority of the shard
  int64_t min_replicas_ack_timeout_ms = 5000;

  // Cluster
  bool cluster_enabled = false;
  std::string cluster_config_file = "nodes.conf";
  int64_t cluster_node_timeout_ms = 2000;
  int64_t cluster_lease_percent = 75;  // of the node timeout; 0: no lease
  int64_t cluster_port = 0;  // 0: port + 10000
  std::string cluster_announce_ip;
  std::string cluster_announce_hostname;
  std::string cluster_peers;  // see ParsePeerList()
  int64_t cluster_nodes = 0;
  int64_t cluster_replicas = 0;
  int64_t cluster_announce_port = 0;
  int64_t cluster_announce_bus_port = 0;
  int64_t cluster_announce_tls_port = 0;
  bool cluster_require_full_coverage = true;
  bool cluster_allow_reads_when_down = false;
  bool cluster_allow_pubsubshard_when_down = true;
  bool cluster_allow_replica_migration = true;
  int64_t cluster_migration_barrier = 1;
  bool cluster_replica_no_failover = false;
  int64_t cluster_replica_validity_factor = 10;
  int64_t cluster_manual_failover_timeout_ms = 5000;  // clients are held for a hand-over of slots
  int64_t cluster_slot_migration_log_max_len = 1000;
  EndpointType cluster_preferred_endpoint_type = EndpointType::kIp;
  uint64_t cluster_link_sendbuf_limit = 0;

  // Directives about another engine's insides, kept and shown: by name, if not at their defaults.
  std::map<std::string, std::string, std::less<>> advice;

  bool operator==(const ShardConfig&) const = default;
};

}  // namespace slotway::config
