// SPDX-License-Identifier: Apache-2.0
// Every setting of the proxy as plain structs with their defaults, and their reading from YAML.
//
// Usable without a file: `slotway local` fills a ProxyConfig in code and calls Validate. Values;
// copy freely, publish to workers as an immutable snapshot. Times end in _ms or _s, sizes in
// _bytes. config/proxy.yaml documents each setting; a test holds it against these defaults.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/backend_config.h"
#include "config/config_error.h"
#include "config/request_log_config.h"
#include "config/tls_config.h"
#include "config/user_limits.h"

namespace slotway::config {

inline constexpr uint64_t kKilobyte = 1024;
inline constexpr uint64_t kMegabyte = 1024 * kKilobyte;
inline constexpr uint64_t kGigabyte = 1024 * kMegabyte;

enum class ListenerMode {
  kReadWrite,
  kReadOnly,  // writes are refused
};

// What clients take the proxy for.
enum class ListenerFace { kCluster, kStandalone };

// Who answers reads.
enum class ReadPolicy { kPrimary, kPreferReplica, kReplica, kNearest };

// Whether connections begin with a header of the PROXY protocol, version 2. There is no guessing:
// where a header is optional, anybody may claim any address.
enum class ProxyProtocol { kOff, kRequired };

struct ListenerConfig {
  std::string address = "0.0.0.0";
  uint16_t port = 6379;  // 0: the kernel chooses
  ListenerMode mode = ListenerMode::kReadWrite;
  ListenerFace face = ListenerFace::kCluster;  // read from YAML: standalone if the backend is
  ReadPolicy reads = ReadPolicy::kPrimary;  // read from YAML: kPreferReplica if mode is read-only
  ProxyProtocol proxy_protocol = ProxyProtocol::kOff;
  std::string path = {};        // of a Unix socket, instead of address and port
  uint32_t permissions = 0700;  // of that socket
  ListenerTls tls = {};
  bool operator==(const ListenerConfig&) const = default;
};

struct AuthConfig {
  std::string password = {};  // of the default user; empty: clients need none
  std::string previous_password = {};  // what password_file held in its second line: accepted, too
  std::string password_file = {};
  uint32_t password_window_ms = 0;  // passwords that a reload takes away are accepted for so long
  std::vector<std::string> users = {};  // each a name and its ACL rules
  std::string acl_file = {};            // of all users, instead of `users`
  bool operator==(const AuthConfig&) const = default;
};

// The file of logins, refusals and changes by administrators.
struct AuditConfig {
  std::string file = {};                   // empty: none
  uint64_t rotate_bytes = 64 * kMegabyte;  // 0: never
  uint32_t rotate_files = 5;
  bool operator==(const AuditConfig&) const = default;
};

// Whoever may write is not meant to have them by that.
inline std::vector<std::string> DangerousCommands() {
  return {"@admin", "flushall", "flushdb", "function|flush", "keys", "migrate", "swapdb"};
}

struct LimitsConfig {
  uint32_t clients_max = 10000;
  uint32_t handshakes_max = 5000;  // of TLS, under way, of clients_max
  uint32_t client_pipeline_max = 1024;  // requests in flight per client before reading stops
  uint64_t client_output_max_bytes = 1 * kGigabyte;    // above: the client is cut
  uint64_t client_output_pause_bytes = 1 * kMegabyte;  // above: its requests are not read
  uint64_t request_bytes_max = 1 * kGigabyte;
  uint64_t bulk_bytes_max = 512 * kMegabyte;
  uint32_t args_max = 1048576;
  uint64_t buffered_total_max_bytes = 8 * kGigabyte;  // all clients and backends; 0: no bound
  uint32_t clients_per_address_max = 0;               // 0: no bound but clients_max
  UserLimits each_user;
  LimitsByUser users = {};  // instead of each_user
  uint32_t unauthenticated_max = 5000;     // of clients_max, who have not logged in
  uint32_t authenticate_timeout_ms = 60000;  // 0: no bound
  // What rules have to name, see proxy.yaml, and what nobody may run: commands, subcommands and
  // categories.
  std::vector<std::string> dangerous_commands = DangerousCommands();
  std::vector<std::string> denied_commands = {};
  // Addresses that may connect (empty: all), and those that may not: see config/network.h.
  std::vector<std::string> networks_allowed = {};
  std::vector<std::string> networks_denied = {};
  uint64_t transaction_bytes_max = 64 * kMegabyte;    // queued by one client after MULTI
  uint32_t transaction_commands_max = 1048576;
  uint32_t subscriptions_per_client_max = 100000;  // channels, patterns and shard channels
  uint64_t pubsub_output_max_bytes = 32 * kMegabyte;
  uint64_t pubsub_output_soft_bytes = 8 * kMegabyte;  // above, for pubsub_output_soft_ms
  uint32_t pubsub_output_soft_ms = 60000;
  uint32_t private_connections_max = 8192;  // to shards, of single clients, in all workers
  uint32_t tracking_clients_max = 10000;
  uint32_t monitor_clients_max = 100;
  bool operator==(const LimitsConfig&) const = default;
};

// Commands over keys of several slots that the proxy carries out by itself.
enum class CrossSlot {
  kOff,    // none but those that split into independent parts
  kReads,  // those that change nothing
  kAll,
};

// Where scripts and functions without keys run.
enum class KeylessScripts {
  kOff,  // nowhere
  kAny,  // on one master
  kAll,  // on every master; the first one's reply, or the first error, is the reply
};

struct RoutingConfig {
  CrossSlot cross_slot = CrossSlot::kReads;
  uint64_t cross_slot_bytes_max = 64 * kMegabyte;  // of values, per request
  bool split_mset = true;
  KeylessScripts keyless_scripts = KeylessScripts::kAny;
  uint64_t script_memory_bytes_max = 16 * kMegabyte;
  uint32_t info_wait_ms = 500;  // for each shard's part of INFO
  bool operator==(const RoutingConfig&) const = default;
};

// Requests kept back while a slot has no reachable master.
struct HoldConfig {
  uint32_t time_max_ms = 30000;
  uint64_t bytes_max = 64 * kMegabyte;
  uint32_t requests_max = 100000;
  bool operator==(const HoldConfig&) const = default;
};

struct RetryConfig {
  uint32_t redirects_max = 16;  // of one request, that are followed
  uint32_t backoff_ms = 10;     // before the second try after TRYAGAIN and the like; doubles
  uint32_t backoff_max_ms = 500;
  bool operator==(const RetryConfig&) const = default;
};

// What CLUSTER SLOTS and friends show instead of the address the client reached.
struct AnnounceConfig {
  std::string host;   // empty: the address the client reached
  uint16_t port = 0;  // 0: the port the client reached
  bool operator==(const AnnounceConfig&) const = default;
};

struct AdminConfig {
  std::string address = "127.0.0.1";
  uint16_t port = 32280;  // 0: no admin server
  bool console = true;    // the page for people, and what it asks
  bool console_edits_users = false;
  bool operator==(const AdminConfig&) const = default;
};

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat { kText, kJson };

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string file;                        // empty: standard error
  uint64_t rotate_bytes = 64 * kMegabyte;  // 0: never
  uint32_t rotate_files = 5;
  bool operator==(const LogConfig&) const = default;
};

struct TcpConfig {
  bool nodelay = true;
  uint32_t keepalive_s = 300;  // 0: off
  uint32_t backlog = 511;
  uint32_t proxy_header_timeout_ms = 5000;  // for the header of the PROXY protocol to arrive
  bool operator==(const TcpConfig&) const = default;
};

struct ProxyConfig {
  std::vector<ListenerConfig> listeners = {ListenerConfig{}};
  BackendConfig backend;
  AuthConfig auth;
  uint32_t workers = 0;  // 0: one per core
  uint32_t pause_max_us = 400;  // of a thread with nothing to do, while many wait; 0: never
  LimitsConfig limits;
  RoutingConfig routing;
  HoldConfig hold;
  RetryConfig retry;
  AnnounceConfig announce;
  AdminConfig admin;
  LogConfig log;
  AuditConfig audit;
  SlowRequestsConfig slow_requests;
  HotKeysConfig hot_keys;
  AccessLogConfig access_log;
  TcpConfig tcp;
  uint32_t idle_timeout_ms = 0;  // 0: idle clients stay
  uint32_t shutdown_grace_ms = 0;  // clients are accepted as before, but /readyz says no
  uint32_t shutdown_drain_ms = 10000;
  bool operator==(const ProxyConfig&) const = default;
};

// Reads, resolves password files and validates.
tl::expected<ProxyConfig, ConfigError> LoadProxyConfig(const std::filesystem::path& file);
// The same from text; `name` stands for the file in errors.
tl::expected<ProxyConfig, ConfigError> ParseProxyConfig(std::string_view yaml,
                                                        const std::string& name);
// Reads the password files anew; an error leaves everything as it was.
runtime::Result<void> ReadPasswordFiles(ProxyConfig& config);
std::vector<std::string> PasswordFilesOf(const ProxyConfig& config);
// Reads the files that TLS needs, wherever it is on; contexts that were there are replaced. An error
// leaves everything as it was.
runtime::Result<void> OpenTls(ProxyConfig& config);
// What those files are.
std::vector<std::string> TlsFilesOf(const ProxyConfig& config);
// When the certificates that are in use end, by their files.
std::vector<runtime::CertificateEnd> CertificateEndsOf(const ProxyConfig& config);
// Checks what no single value can show (no seeds, a pause above the cut, ...). Nothing when fine.
std::optional<ConfigError> Validate(const ProxyConfig& config);

// "host:port", "[::1]:port"; nothing when it is neither.
std::optional<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace slotway::config
