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

#include "config/config_error.h"

namespace slotway::config {

inline constexpr uint64_t kKilobyte = 1024;
inline constexpr uint64_t kMegabyte = 1024 * kKilobyte;
inline constexpr uint64_t kGigabyte = 1024 * kMegabyte;

enum class ListenerMode {
  kReadWrite,  // reads and writes, all answered by masters
};

struct ListenerConfig {
  std::string address = "0.0.0.0";
  uint16_t port = 6379;  // 0: the kernel chooses
  ListenerMode mode = ListenerMode::kReadWrite;
  bool operator==(const ListenerConfig&) const = default;
};

struct Endpoint {
  std::string host;
  uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

enum class BackendKind { kCluster };

struct TopologyConfig {
  uint32_t refresh_interval_ms = 5000;
  uint32_t refresh_min_interval_ms = 100;  // between two refreshes, whatever asks for them
  uint32_t nodes_asked = 3;                // per refresh; the highest epoch wins
  bool operator==(const TopologyConfig&) const = default;
};

struct BackendConfig {
  BackendKind kind = BackendKind::kCluster;
  std::vector<Endpoint> seeds;  // required
  std::string username;         // empty: the backend's default user
  std::string password;         // after reading: also what password_file held
  std::string password_file;
  uint32_t connect_timeout_ms = 1000;
  uint32_t response_timeout_ms = 60000;  // 0: wait for ever
  uint32_t ping_interval_ms = 1000;      // an idle backend connection is probed; 0: never
  TopologyConfig topology;
  bool operator==(const BackendConfig&) const = default;
};

struct AuthConfig {
  std::string password;  // of the default user; empty: clients need none
  std::string password_file;
  bool operator==(const AuthConfig&) const = default;
};

struct LimitsConfig {
  uint32_t clients_max = 10000;
  uint32_t client_pipeline_max = 1024;  // requests in flight per client before reading stops
  uint64_t client_output_max_bytes = 1 * kGigabyte;    // above: the client is cut
  uint64_t client_output_pause_bytes = 1 * kMegabyte;  // above: its requests are not read
  uint64_t request_bytes_max = 1 * kGigabyte;
  uint64_t bulk_bytes_max = 512 * kMegabyte;
  uint32_t args_max = 1048576;
  uint64_t buffered_total_max_bytes = 8 * kGigabyte;  // all clients and backends; 0: no bound
  bool operator==(const LimitsConfig&) const = default;
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
  bool operator==(const TcpConfig&) const = default;
};

struct ProxyConfig {
  std::vector<ListenerConfig> listeners = {ListenerConfig{}};
  BackendConfig backend;
  AuthConfig auth;
  uint32_t workers = 0;  // 0: one per core
  LimitsConfig limits;
  HoldConfig hold;
  RetryConfig retry;
  AnnounceConfig announce;
  AdminConfig admin;
  LogConfig log;
  TcpConfig tcp;
  uint32_t idle_timeout_ms = 0;  // 0: idle clients stay
  uint32_t shutdown_drain_ms = 10000;
  bool operator==(const ProxyConfig&) const = default;
};

// Reads, resolves password files and validates.
tl::expected<ProxyConfig, ConfigError> LoadProxyConfig(const std::filesystem::path& file);
// The same from text; `name` stands for the file in errors.
tl::expected<ProxyConfig, ConfigError> ParseProxyConfig(std::string_view yaml,
                                                        const std::string& name);
// Checks what no single value can show (no seeds, a pause above the cut, ...). Nothing when fine.
std::optional<ConfigError> Validate(const ProxyConfig& config);

// "host:port", "[::1]:port"; nothing when it is neither.
std::optional<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace slotway::config
