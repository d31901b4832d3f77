// SPDX-License-Identifier: Apache-2.0
#include "config/proxy_config.h"

#include <array>
#include <set>
#include <utility>

#include "config/quantity.h"
#include "config/yaml_reader.h"

namespace slotway::config {
namespace {

template <typename Enum>
using Name = std::pair<std::string_view, Enum>;

constexpr std::array kListenerModes = {Name<ListenerMode>{"read-write", ListenerMode::kReadWrite}};
constexpr std::array kBackendKinds = {Name<BackendKind>{"cluster", BackendKind::kCluster}};
constexpr std::array kLogLevels = {
    Name<LogLevel>{"debug", LogLevel::kDebug}, Name<LogLevel>{"info", LogLevel::kInfo},
    Name<LogLevel>{"warning", LogLevel::kWarning}, Name<LogLevel>{"error", LogLevel::kError},
    Name<LogLevel>{"off", LogLevel::kOff}};
constexpr std::array kLogFormats = {Name<LogFormat>{"text", LogFormat::kText},
                                    Name<LogFormat>{"json", LogFormat::kJson}};
constexpr uint32_t kWorkersMax = 1024;
constexpr uint64_t kRequestBytesMax = 2 * kGigabyte;  // lengths on the way take 32 bits
constexpr TimeUnit kMs = TimeUnit::kMilliseconds;

void ReadListeners(YamlSection& root, std::vector<ListenerConfig>& listeners) {
  if (root.Has("listeners")) listeners.clear();
  root.Each("listeners", [&](YamlSection& section) {
    ListenerConfig listener;
    section.Read("address", listener.address);
    section.Read("port", listener.port);
    section.ReadEnum<ListenerMode>("mode", listener.mode, kListenerModes);
    listeners.push_back(std::move(listener));
  });
}

void ReadBackend(YamlSection& section, BackendConfig& backend) {
  section.ReadEnum<BackendKind>("kind", backend.kind, kBackendKinds);
  std::vector<std::string> seeds;
  section.ReadStrings("seeds", seeds);
  for (const std::string& seed : seeds) {
    if (auto endpoint = ParseEndpoint(seed)) {
      backend.seeds.push_back(*std::move(endpoint));
    } else {
      section.Fail("seeds", "needs host:port, not '" + seed + "'");
    }
  }
  section.Read("username", backend.username);
  section.ReadPassword(backend.password, backend.password_file);
  section.ReadDuration("connect_timeout_ms", backend.connect_timeout_ms, kMs);
  section.ReadDuration("response_timeout_ms", backend.response_timeout_ms, kMs);
  section.ReadDuration("ping_interval_ms", backend.ping_interval_ms, kMs);
  section.Section("topology", [&](YamlSection& topology) {
    topology.ReadDuration("refresh_interval_ms", backend.topology.refresh_interval_ms, kMs);
    topology.ReadDuration("refresh_min_interval_ms", backend.topology.refresh_min_interval_ms, kMs);
    topology.Read("nodes_asked", backend.topology.nodes_asked, 1, 1000);
  });
}

void ReadLimits(YamlSection& section, LimitsConfig& limits) {
  section.Read("clients_max", limits.clients_max, 1);
  section.Read("client_pipeline_max", limits.client_pipeline_max, 1);
  section.ReadSize("client_output_max_bytes", limits.client_output_max_bytes, 1);
  section.ReadSize("client_output_pause_bytes", limits.client_output_pause_bytes, 1);
  section.ReadSize("request_bytes_max", limits.request_bytes_max, kKilobyte);
  section.ReadSize("bulk_bytes_max", limits.bulk_bytes_max, kKilobyte);
  section.Read("args_max", limits.args_max, 1);
  section.ReadSize("buffered_total_max_bytes", limits.buffered_total_max_bytes);
}

void ReadLog(YamlSection& section, LogConfig& log) {
  section.ReadEnum<LogLevel>("level", log.level, kLogLevels);
  section.ReadEnum<LogFormat>("format", log.format, kLogFormats);
  section.Read("file", log.file);
  section.ReadSize("rotate_bytes", log.rotate_bytes);
  section.Read("rotate_files", log.rotate_files, 1, 1000);
}

void ReadRoot(YamlSection& root, ProxyConfig& config) {
  ReadListeners(root, config.listeners);
  root.Section("backend", [&](YamlSection& section) { ReadBackend(section, config.backend); });
  root.Section("auth", [&](YamlSection& section) {
    section.ReadPassword(config.auth.password, config.auth.password_file);
  });
  root.Read("workers", config.workers, 0, kWorkersMax);
  root.Section("limits", [&](YamlSection& section) { ReadLimits(section, config.limits); });
  root.Section("hold", [&](YamlSection& section) {
    section.ReadDuration("time_max_ms", config.hold.time_max_ms, kMs);
    section.ReadSize("bytes_max", config.hold.bytes_max);
    section.Read("requests_max", config.hold.requests_max);
  });
  root.Section("retry", [&](YamlSection& section) {
    section.Read("redirects_max", config.retry.redirects_max, 1, 200);
    section.ReadDuration("backoff_ms", config.retry.backoff_ms, kMs);
    section.ReadDuration("backoff_max_ms", config.retry.backoff_max_ms, kMs);
  });
  root.Section("announce", [&](YamlSection& section) {
    section.Read("host", config.announce.host);
    section.Read("port", config.announce.port);
  });
  root.Section("admin", [&](YamlSection& section) {
    section.Read("address", config.admin.address);
    section.Read("port", config.admin.port);
  });
  root.Section("log", [&](YamlSection& section) { ReadLog(section, config.log); });
  root.Section("tcp", [&](YamlSection& section) {
    section.Read("nodelay", config.tcp.nodelay);
    section.ReadDuration("keepalive_s", config.tcp.keepalive_s, TimeUnit::kSeconds);
    section.Read("backlog", config.tcp.backlog, 1, 65535);
  });
  root.ReadDuration("idle_timeout_ms", config.idle_timeout_ms, kMs);
  root.ReadDuration("shutdown_drain_ms", config.shutdown_drain_ms, kMs);
}

struct Complaint {
  std::string path;  // as in the YAML file
  std::string text;
};

std::optional<Complaint> FindComplaint(const ProxyConfig& config) {
  if (config.listeners.empty()) return Complaint{"listeners", "needs at least one listener"};
  std::set<std::pair<std::string, uint16_t>> taken;
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerConfig& listener = config.listeners[i];
    std::string path = "listeners[" + std::to_string(i) + "]";
    if (listener.address.empty()) return Complaint{path + ".address", "needs an address"};
    if (listener.port != 0 && !taken.emplace(listener.address, listener.port).second) {
      return Complaint{path, "is the same address and port as another listener"};
    }
  }
  if (config.backend.seeds.empty()) {
    return Complaint{"backend.seeds", "needs at least one host:port of the cluster"};
  }
  if (!config.backend.username.empty() && config.backend.password.empty()) {
    return Complaint{"backend.username", "needs a password or password_file beside it"};
  }
  if (config.backend.connect_timeout_ms == 0) {
    return Complaint{"backend.connect_timeout_ms", "must be above 0"};
  }
  if (config.backend.topology.refresh_interval_ms <
      config.backend.topology.refresh_min_interval_ms) {
    return Complaint{"backend.topology.refresh_interval_ms",
                     "must not be below refresh_min_interval_ms"};
  }
  if (config.limits.client_output_pause_bytes > config.limits.client_output_max_bytes) {
    return Complaint{"limits.client_output_pause_bytes",
                     "must not be above client_output_max_bytes"};
  }
  if (config.limits.request_bytes_max > kRequestBytesMax) {
    return Complaint{"limits.request_bytes_max", "must not be above 2gb"};
  }
  if (config.limits.bulk_bytes_max > config.limits.request_bytes_max) {
    return Complaint{"limits.bulk_bytes_max", "must not be above request_bytes_max"};
  }
  if (config.retry.backoff_ms > config.retry.backoff_max_ms) {
    return Complaint{"retry.backoff_ms", "must not be above backoff_max_ms"};
  }
  return std::nullopt;
}

// The line of the setting, or of the nearest section around it.
int LineOf(const YamlDocument& document, std::string path) {
  while (true) {
    if (int line = document.LineOf(path)) return line;
    size_t cut = path.find_last_of(".[");
    if (cut == std::string::npos) return 0;
    path.resize(cut);
  }
}

}  // namespace

tl::expected<ProxyConfig, ConfigError> ParseProxyConfig(std::string_view yaml,
                                                        const std::string& name) {
  YamlDocument document(yaml, name);
  ProxyConfig config;
  YamlSection root = document.Root();
  ReadRoot(root, config);
  root.Finish();
  if (auto error = document.error()) return tl::unexpected(*std::move(error));
  if (auto complaint = FindComplaint(config)) {
    return tl::unexpected(ConfigError{name, LineOf(document, complaint->path),
                                      complaint->path + ": " + complaint->text});
  }
  return config;
}

tl::expected<ProxyConfig, ConfigError> LoadProxyConfig(const std::filesystem::path& file) {
  std::string text;
  if (auto error = ReadFile(file.string(), text)) return tl::unexpected(*std::move(error));
  return ParseProxyConfig(text, file.string());
}

std::optional<ConfigError> Validate(const ProxyConfig& config) {
  auto complaint = FindComplaint(config);
  if (!complaint) return std::nullopt;
  return ConfigError{"", 0, complaint->path + ": " + complaint->text};
}

std::optional<Endpoint> ParseEndpoint(std::string_view text) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return std::nullopt;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;  // an IPv6 address without its brackets
  }
  if (host.find_first_of(" /") != std::string_view::npos) return std::nullopt;
  auto port = ParseInteger(text.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) return std::nullopt;
  return Endpoint{std::string(host), static_cast<uint16_t>(*port)};
}

}  // namespace slotway::config
