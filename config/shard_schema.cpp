// SPDX-License-Identifier: Apache-2.0
#include "config/shard_schema.h"

#include <array>
#include <limits>
#include <unordered_map>

#include "config/shard_custom_fields.h"

namespace slotway::config {
namespace {

using C = ShardConfig;
using Advice = AdviceField::Kind;

constexpr int64_t kInt = std::numeric_limits<int32_t>::max();
constexpr int64_t kLong = std::numeric_limits<int64_t>::max();
constexpr uint64_t kULong = std::numeric_limits<int64_t>::max();
constexpr uint64_t kAnyBytes = std::numeric_limits<uint64_t>::max();
constexpr NumberUnit kMemory = NumberUnit::kMemory;
constexpr std::string_view kOwnDhParameters = "parameters that fit the key are chosen";
constexpr std::string_view kForeground = "the shard runs in the foreground, under its supervisor";
constexpr std::string_view kOneEngineThread = "commands run on one engine thread";
constexpr std::string_view kNoSyslog = "the shard logs to standard output or to logfile";
constexpr std::string_view kNoKernelTuning = "the shard leaves this to its host";

constexpr std::array<std::string_view, 8> kPolicies = {
    "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
    "allkeys-lru",  "allkeys-lfu",  "allkeys-random",  "noeviction"};
constexpr std::array<std::string_view, 3> kFsync = {"everysec", "always", "no"};
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "verbose", "notice", "warning"};
constexpr std::array<std::string_view, 3> kSanitize = {"no", "yes", "clients"};
constexpr std::array<std::string_view, 3> kLocal = {"no", "yes", "local"};
constexpr std::array<std::string_view, 3> kEndpoints = {"ip", "hostname", "unknown-endpoint"};
constexpr std::array<std::string_view, 3> kTlsAuth = {"no", "yes", "optional"};
constexpr std::array<std::string_view, 2> kPubsub = {"allchannels", "resetchannels"};
constexpr std::array<std::string_view, 3> kDisklessLoad = {"disabled", "on-empty-db", "swapdb"};
constexpr std::array<std::string_view, 3> kPropagation = {"ignore", "panic", "panic-on-replicas"};

template <auto Member>
constexpr EnumField Enum(std::span<const std::string_view> names) {
  return {names, [](const C& config) { return static_cast<int>(config.*Member); },
          [](C& config, int value) {
            config.*Member = static_cast<std::remove_reference_t<decltype(config.*Member)>>(value);
          }};
}

constexpr AdviceField AdviceBool(std::string_view default_text) {
  return {Advice::kBool, default_text};
}
constexpr AdviceField AdviceInt(std::string_view default_text, int64_t min, int64_t max) {
  return {Advice::kInteger, default_text, min, max};
}
constexpr AdviceField AdviceText(std::string_view default_text) {
  return {Advice::kText, default_text};
}

// clang-format off
const Setting kSchema[] = {
    // Network
    {"bind", kBindField, kMultiArg},
    {"port", SignedField{&C::port, 0, 65535}},
    {"protected-mode", BoolField{&C::protected_mode}},
    {"tcp-backlog", SignedField{&C::tcp_backlog, 0, kInt}, kImmutable},
    {"tcp-keepalive", SignedField{&C::tcp_keepalive_s, 0, kInt}},
    {"timeout", SignedField{&C::timeout_s, 0, kInt}},
    {"maxclients", SignedField{&C::maxclients, 1, 4294967295}},
    {"proto-max-bulk-len", SignedField{&C::proto_max_bulk_len, 1024 * 1024, kLong, kMemory}},
    {"client-query-buffer-limit", SignedField{&C::client_query_buffer_limit, 1024 * 1024, kLong, kMemory}},
    {"client-output-buffer-limit", kClientOutputField, kMultiArg},
    {"tracking-table-max-keys", SignedField{&C::tracking_table_max_keys, 0, kLong}},
    {"unixsocket", TextField{&C::unixsocket}, kImmutable},
    {"unixsocketperm", kUnixSocketPermField, kImmutable},
    {"bind-source-addr", AdviceText(""), 0, "", "the kernel chooses the source address"},
    {"socket-mark-id", AdviceText("0"), kImmutable, "", kNoKernelTuning},
    {"io-threads", AdviceInt("1", 1, 128), kImmutable, "", kOneEngineThread},
    {"io-threads-do-reads", AdviceBool("no"), kImmutable, "", kOneEngineThread},

    {"pause-max-us", SignedField{&C::pause_max_us, 0, 1000}},
    {"admin-port", SignedField{&C::admin_port, 0, 65535}, kImmutable | kOurs},
    {"admin-bind", TextField{&C::admin_bind}, kImmutable | kOurs},

    // Access
    {"requirepass", TextField{&C::requirepass}},
    {"aclfile", TextField{&C::aclfile}, kImmutable},
    {"user", kUserField, kMultiArg | kFileOnly | kRepeats | kImmutable},
    {"acllog-max-len", SignedField{&C::acllog_max_len, 0, kLong}},
    {"acl-pubsub-default", Enum<&C::acl_pubsub_default>(kPubsub)},
    {"enable-debug-command", Enum<&C::enable_debug_command>(kLocal), kImmutable},
    {"enable-protected-configs", Enum<&C::enable_protected_configs>(kLocal), kImmutable},
    // Who may say MODULE LOAD, which answers an error to everybody: there are no modules.
    {"enable-module-command", AdviceField{Advice::kEnum, "no", 0, 0, kLocal}, kImmutable},

    // Process
    {"dir", TextField{&C::dir, CheckDirectory}, kProtected},
    {"pidfile", TextField{&C::pidfile}, kImmutable},
    {"logfile", TextField{&C::logfile}, kImmutable},
    {"loglevel", Enum<&C::loglevel>(kLogLevels)},
    {"databases", SignedField{&C::databases, 1, kInt}, kImmutable},
    {"hz", SignedField{&C::hz, 0, kInt}},
    {"dynamic-hz", BoolField{&C::dynamic_hz}},
    {"shutdown-timeout", SignedField{&C::shutdown_timeout_s, 0, kInt}},
    {"shutdown-on-sigint", kShutdownOnSigintField, kMultiArg},
    {"shutdown-on-sigterm", kShutdownOnSigtermField, kMultiArg},
    {"daemonize", AdviceBool("no"), kImmutable, "", kForeground},
    {"supervised", AdviceText("no"), kImmutable, "", kForeground},
    {"syslog-enabled", AdviceBool("no"), kImmutable, "", kNoSyslog},
    {"syslog-ident", AdviceText("redis"), kImmutable},
    {"syslog-facility", AdviceText("local0"), kImmutable},
    {"always-show-logo", AdviceBool("no"), kImmutable},
    {"set-proc-title", AdviceBool("yes"), kImmutable},
    {"proc-title-template", AdviceText("{title} {listen-addr} {server-mode}")},
    {"crash-log-enabled", AdviceBool("yes")},
    {"crash-memcheck-enabled", AdviceBool("yes")},
    {"disable-thp", AdviceBool("yes"), kImmutable},
    {"ignore-warnings", AdviceText("")},
    {"oom-score-adj", AdviceText("no"), 0, "", kNoKernelTuning},
    {"oom-score-adj-values", AdviceText("0 200 800"), kMultiArg},
    {"server_cpulist", AdviceText(""), kImmutable, "", kNoKernelTuning},
    {"bio_cpulist", AdviceText(""), kImmutable, "", kNoKernelTuning},
    {"aof_rewrite_cpulist", AdviceText(""), kImmutable, "", kNoKernelTuning},
    {"bgsave_cpulist", AdviceText(""), kImmutable, "", kNoKernelTuning},

    // Memory
    {"maxmemory", UnsignedField{&C::maxmemory_bytes, 0, kAnyBytes, kMemory}},
    {"maxmemory-policy", Enum<&C::maxmemory_policy>(kPolicies)},
    {"maxmemory-clients", MemoryOrPercentField{&C::maxmemory_clients}},
    {"maxmemory-samples", SignedField{&C::maxmemory_samples, 1, kInt}},
    {"maxmemory-eviction-tenacity", SignedField{&C::maxmemory_eviction_tenacity, 0, 100}},
    {"lfu-log-factor", SignedField{&C::lfu_log_factor, 0, kInt}},
    {"lfu-decay-time", SignedField{&C::lfu_decay_time_min, 0, kInt}},
    {"activerehashing", BoolField{&C::activerehashing}},
    {"active-expire-effort", SignedField{&C::active_expire_effort, 1, 10}},
    {"lazyfree-lazy-eviction", BoolField{&C::lazyfree_lazy_eviction}},
    {"lazyfree-lazy-expire", BoolField{&C::lazyfree_lazy_expire}},
    {"lazyfree-lazy-server-del", BoolField{&C::lazyfree_lazy_server_del}},
    {"lazyfree-lazy-user-del", BoolField{&C::lazyfree_lazy_user_del}},
    {"lazyfree-lazy-user-flush", BoolField{&C::lazyfree_lazy_user_flush}},
    {"replica-lazy-flush", BoolField{&C::replica_lazy_flush}, 0, "slave-lazy-flush"},
    {"jemalloc-bg-thread", AdviceBool("yes")},
    {"activedefrag", AdviceBool("no"), 0, "", "records are moved off sparse pages in any case"},
    {"active-defrag-cycle-min", AdviceInt("1", 1, 99)},
    {"active-defrag-cycle-max", AdviceInt("25", 1, 99)},
    {"active-defrag-ignore-bytes", AdviceField{Advice::kMemory, "104857600", 1, kLong}},
    {"active-defrag-max-scan-fields", AdviceInt("1000", 1, kLong)},
    {"active-defrag-threshold-lower", AdviceInt("10", 0, 1000)},
    {"active-defrag-threshold-upper", AdviceInt("100", 0, 1000)},

    // Encodings
    {"hash-max-listpack-entries", UnsignedField{&C::hash_max_listpack_entries, 0, kULong}, 0, "hash-max-ziplist-entries"},
    {"hash-max-listpack-value", UnsignedField{&C::hash_max_listpack_value, 0, kULong, kMemory}, 0, "hash-max-ziplist-value"},
    {"set-max-intset-entries", UnsignedField{&C::set_max_intset_entries, 0, kULong}},
    {"set-max-listpack-entries", UnsignedField{&C::set_max_listpack_entries, 0, kULong}},
    {"set-max-listpack-value", UnsignedField{&C::set_max_listpack_value, 0, kULong, kMemory}},
    {"zset-max-listpack-entries", UnsignedField{&C::zset_max_listpack_entries, 0, kULong}, 0, "zset-max-ziplist-entries"},
    {"zset-max-listpack-value", UnsignedField{&C::zset_max_listpack_value, 0, kULong, kMemory}, 0, "zset-max-ziplist-value"},
    {"list-max-listpack-size", SignedField{&C::list_max_listpack_size, -kInt - 1, kInt}, 0, "list-max-ziplist-size"},
    {"list-compress-depth", SignedField{&C::list_compress_depth, 0, kInt}},
    {"quicklist-packed-threshold", UnsignedField{&C::quicklist_packed_threshold, 0, kULong, kMemory}, kHidden},
    {"hll-sparse-max-bytes", UnsignedField{&C::hll_sparse_max_bytes, 0, kULong, kMemory}},
    {"stream-node-max-bytes", UnsignedField{&C::stream_node_max_bytes, 0, kULong, kMemory}},
    {"stream-node-max-entries", SignedField{&C::stream_node_max_entries, 0, kLong}},

    // Observation
    {"notify-keyspace-events", kKeyspaceEventsField},
    {"slowlog-log-slower-than", SignedField{&C::slowlog_log_slower_than_us, -1, kLong}},
    {"slowlog-max-len", SignedField{&C::slowlog_max_len, 0, kLong}},
    {"latency-monitor-threshold", SignedField{&C::latency_monitor_threshold_ms, 0, kLong}},
    {"latency-tracking", BoolField{&C::latency_tracking}},
    {"latency-tracking-info-percentiles", kPercentilesField, kMultiArg},
    {"busy-reply-threshold", SignedField{&C::busy_reply_threshold_ms, 0, kLong}, 0, "lua-time-limit"},

    // Persistence
    {"save", kSaveField, kMultiArg | kRepeats},
    {"dbfilename", TextField{&C::dbfilename, CheckSnapshotName}, kProtected},
    {"rdbcompression", BoolField{&C::rdbcompression}},
    {"rdb-version", SignedField{&C::rdb_version, 10, 11}},
    {"rdbchecksum", BoolField{&C::rdbchecksum}, kImmutable},
    {"rdb-del-sync-files", BoolField{&C::rdb_del_sync_files}},
    {"rdb-save-incremental-fsync", AdviceBool("yes")},
    {"stop-writes-on-bgsave-error", BoolField{&C::stop_writes_on_bgsave_error}},
    {"sanitize-dump-payload", Enum<&C::sanitize_dump_payload>(kSanitize)},
    {"appendonly", BoolField{&C::appendonly}},
    {"appendfilename", TextField{&C::appendfilename, CheckAppendFileName}, kImmutable},
    {"appenddirname", TextField{&C::appenddirname, CheckAppendDirName}, kImmutable},
    {"appendfsync", Enum<&C::appendfsync>(kFsync)},
    {"no-appendfsync-on-rewrite", BoolField{&C::no_appendfsync_on_rewrite}},
    {"auto-aof-rewrite-percentage", SignedField{&C::auto_aof_rewrite_percentage, 0, kInt}},
    {"auto-aof-rewrite-min-size", SignedField{&C::auto_aof_rewrite_min_size, 0, kLong, kMemory}},
    {"aof-load-truncated", BoolField{&C::aof_load_truncated}},
    {"aof-use-rdb-preamble", BoolField{&C::aof_use_rdb_preamble}},
    {"aof-timestamp-enabled", BoolField{&C::aof_timestamp_enabled}},
    {"aof-rewrite-incremental-fsync", AdviceBool("yes")},
    {"aof-disable-auto-gc", AdviceBool("no")},
    {"rdb-key-save-delay", SignedField{&C::rdb_key_save_delay_us, -kInt - 1, kInt}, kHidden},
    {"key-load-delay", SignedField{&C::key_load_delay_us, -kInt - 1, kInt}, kHidden},
    {"loading-process-events-interval-bytes", AdviceInt("2097152", 1024, kInt), kHidden},

    // Replication
    {"replicaof", kReplicaofField, kMultiArg | kImmutable, "slaveof"},
    {"masterauth", TextField{&C::masterauth}},
    {"masteruser", TextField{&C::masteruser}},
    {"replica-serve-stale-data", BoolField{&C::replica_serve_stale_data}, 0, "slave-serve-stale-data"},
    {"replica-read-only", BoolField{&C::replica_read_only}, 0, "slave-read-only"},
    {"replica-priority", SignedField{&C::replica_priority, 0, kInt}, 0, "slave-priority"},
    {"replica-announced", BoolField{&C::replica_announced}},
    {"replica-announce-ip", TextField{&C::replica_announce_ip}, 0, "slave-announce-ip"},
    {"replica-announce-port", SignedField{&C::replica_announce_port, 0, 65535}, 0, "slave-announce-port"},
    {"replica-ignore-maxmemory", BoolField{&C::replica_ignore_maxmemory}, 0, "slave-ignore-maxmemory"},
    {"replica-ignore-disk-write-errors", AdviceBool("no")},
    {"propagation-error-behavior", AdviceField{Advice::kEnum, "ignore", 0, 0, kPropagation}},
    {"repl-backlog-size", SignedField{&C::repl_backlog_size, 1, kLong, kMemory}},
    {"repl-backlog-ttl", SignedField{&C::repl_backlog_ttl_s, 0, kLong}},
    {"repl-timeout", SignedField{&C::repl_timeout_s, 1, kInt}},
    {"repl-ping-replica-period", SignedField{&C::repl_ping_replica_period_s, 1, kInt}, 0, "repl-ping-slave-period"},
    {"repl-disable-tcp-nodelay", BoolField{&C::repl_disable_tcp_nodelay}},
    {"repl-diskless-sync", BoolField{&C::repl_diskless_sync}},
    {"repl-diskless-sync-delay", SignedField{&C::repl_diskless_sync_delay_s, 0, kInt}},
    {"repl-diskless-sync-max-replicas", SignedField{&C::repl_diskless_sync_max_replicas, 0, kInt}},
    {"repl-diskless-load", Enum<&C::repl_diskless_load>(kDisklessLoad)},
    {"min-replicas-to-write", SignedField{&C::min_replicas_to_write, 0, kInt}, 0, "min-slaves-to-write"},
    {"min-replicas-to-ack", kReplicasToAckField},
    {"min-replicas-ack-timeout", SignedField{&C::min_replicas_ack_timeout_ms, 1, kInt}},
    {"min-replicas-max-lag", SignedField{&C::min_replicas_max_lag_s, 0, kInt}, 0, "min-slaves-max-lag"},

    // Cluster
    {"cluster-enabled", BoolField{&C::cluster_enabled}, kImmutable},
    {"cluster-config-file", TextField{&C::cluster_config_file}, kImmutable},
    {"cluster-node-timeout", SignedField{&C::cluster_node_timeout_ms, 0, kLong}},
    {"cluster-lease-percent", SignedField{&C::cluster_lease_percent, 0, 90}},
    {"cluster-port", SignedField{&C::cluster_port, 0, 65535}, kImmutable},
    {"cluster-peers", TextField{&C::cluster_peers, CheckPeers}, kImmutable | kOurs},
    {"cluster-nodes", SignedField{&C::cluster_nodes, 0, 1000}, kImmutable | kOurs},
    {"cluster-replicas", SignedField{&C::cluster_replicas, 0, 100}, kImmutable | kOurs},
    {"cluster-announce-ip", TextField{&C::cluster_announce_ip}},
    {"cluster-announce-hostname", TextField{&C::cluster_announce_hostname, CheckAnnouncedHostname}},
    {"cluster-announce-port", SignedField{&C::cluster_announce_port, 0, 65535}},
    {"cluster-announce-bus-port", SignedField{&C::cluster_announce_bus_port, 0, 65535}},
    {"cluster-announce-tls-port", SignedField{&C::cluster_announce_tls_port, 0, 65535}},
    {"cluster-require-full-coverage", BoolField{&C::cluster_require_full_coverage}},
    {"cluster-allow-reads-when-down", BoolField{&C::cluster_allow_reads_when_down}},
    {"cluster-allow-pubsubshard-when-down", BoolField{&C::cluster_allow_pubsubshard_when_down}},
    {"cluster-allow-replica-migration", BoolField{&C::cluster_allow_replica_migration}},
    {"cluster-migration-barrier", SignedField{&C::cluster_migration_barrier, 0, kInt}},
    {"cluster-replica-no-failover", BoolField{&C::cluster_replica_no_failover}, 0, "cluster-slave-no-failover"},
    {"cluster-replica-validity-factor", SignedField{&C::cluster_replica_validity_factor, 0, kInt}, 0, "cluster-slave-validity-factor"},
    {"cluster-manual-failover-timeout", SignedField{&C::cluster_manual_failover_timeout_ms, 1, kInt}},
    {"cluster-slot-migration-log-max-len", SignedField{&C::cluster_slot_migration_log_max_len, 0, kInt}},
    {"cluster-preferred-endpoint-type", Enum<&C::cluster_preferred_endpoint_type>(kEndpoints)},
    {"cluster-link-sendbuf-limit", UnsignedField{&C::cluster_link_sendbuf_limit, 0, kAnyBytes, kMemory}},

    // TLS
    {"tls-port", SignedField{&C::tls_port, 0, 65535}},
    {"tls-cluster", BoolField{&C::tls_cluster}},
    {"tls-replication", BoolField{&C::tls_replication}},
    {"tls-auth-clients", Enum<&C::tls_auth_clients>(kTlsAuth)},
    {"tls-ca-cert-dir", TextField{&C::tls_ca_cert_dir}},
    {"tls-ca-cert-file", TextField{&C::tls_ca_cert_file}},
    {"tls-cert-file", TextField{&C::tls_cert_file}},
    {"tls-ciphers", TextField{&C::tls_ciphers}},
    {"tls-ciphersuites", TextField{&C::tls_ciphersuites}},
    {"tls-client-cert-file", TextField{&C::tls_client_cert_file}},
    {"tls-client-key-file", TextField{&C::tls_client_key_file}},
    {"tls-client-key-file-pass", TextField{&C::tls_client_key_file_pass}, kSecret},
    {"tls-dh-params-file", AdviceText(""), 0, "", kOwnDhParameters},
    {"tls-key-file", TextField{&C::tls_key_file}},
    {"tls-key-file-pass", TextField{&C::tls_key_file_pass}, kSecret},
    {"tls-prefer-server-ciphers", BoolField{&C::tls_prefer_server_ciphers}},
    {"tls-protocols", TextField{&C::tls_protocols}},
    {"tls-session-cache-size", SignedField{&C::tls_session_cache_size, 0, kInt}},
    {"tls-session-cache-timeout", SignedField{&C::tls_session_cache_timeout_s, 0, kInt}},
    {"tls-session-caching", BoolField{&C::tls_session_caching}},
};
// clang-format on

using Index = std::unordered_map<std::string_view, const Setting*>;

const Index& NameIndex() {
  static const Index index = [] {
    Index built;
    for (const Setting& setting : kSchema) {
      built.emplace(setting.name, &setting);
      if (!setting.alias.empty()) built.emplace(setting.alias, &setting);
    }
    return built;
  }();
  return index;
}

}  // namespace

std::span<const Setting> ShardSchema() { return kSchema; }

const Setting* FindSetting(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  auto found = NameIndex().find(lower);
  return found == NameIndex().end() ? nullptr : found->second;
}

}  // namespace slotway::config
