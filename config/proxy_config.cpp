// SPDX-License-Identifier: Apache-2.0
#include "config/proxy_config.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "config/network.h"
#include "config/quantity.h"
#include "config/yaml_reader.h"

namespace slotway::config {
namespace {

template <typename Enum>
using Name = std::pair<std::string_view, Enum>;

constexpr std::array kListenerModes = {Name<ListenerMode>{"read-write", ListenerMode::kReadWrite},
                                       Name<ListenerMode>{"read-only", ListenerMode::kReadOnly}};
constexpr std::array kListenerFaces = {Name<ListenerFace>{"cluster", ListenerFace::kCluster},
                                       Name<ListenerFace>{"standalone", ListenerFace::kStandalone}};
constexpr std::array kReadPolicies = {
    Name<ReadPolicy>{"primary", ReadPolicy::kPrimary},
    Name<ReadPolicy>{"prefer-replica", ReadPolicy::kPreferReplica},
    Name<ReadPolicy>{"replica", ReadPolicy::kReplica},
    Name<ReadPolicy>{"nearest", ReadPolicy::kNearest}};
constexpr std::array kProxyProtocols = {Name<ProxyProtocol>{"off", ProxyProtocol::kOff},
                                        Name<ProxyProtocol>{"required", ProxyProtocol::kRequired}};
constexpr std::array kBackendKinds = {
    Name<BackendKind>{"cluster", BackendKind::kCluster},
    Name<BackendKind>{"master-replica", BackendKind::kMasterReplica},
    Name<BackendKind>{"sentinel", BackendKind::kSentinel}};
constexpr std::array kCrossSlots = {Name<CrossSlot>{"off", CrossSlot::kOff},
                                    Name<CrossSlot>{"reads", CrossSlot::kReads},
                                    Name<CrossSlot>{"all", CrossSlot::kAll}};
constexpr std::array kKeylessScripts = {Name<KeylessScripts>{"off", KeylessScripts::kOff},
                                        Name<KeylessScripts>{"any", KeylessScripts::kAny},
                                        Name<KeylessScripts>{"all", KeylessScripts::kAll}};
constexpr std::array kLogLevels = {
    Name<LogLevel>{"debug", LogLevel::kDebug}, Name<LogLevel>{"info", LogLevel::kInfo},
    Name<LogLevel>{"warning", LogLevel::kWarning}, Name<LogLevel>{"error", LogLevel::kError},
    Name<LogLevel>{"off", LogLevel::kOff}};
constexpr std::array kLogFormats = {Name<LogFormat>{"text", LogFormat::kText},
                                    Name<LogFormat>{"json", LogFormat::kJson}};
constexpr uint32_t kWorkersMax = 1024;
constexpr uint32_t kPauseMaxUs = 1000;
constexpr uint32_t kDatabasesMax = 1024;
constexpr uint64_t kRequestBytesMax = 2 * kGigabyte;  // lengths on the way take 32 bits
constexpr uint64_t kOutputBytesMax = 4 * kGigabyte - 1;
constexpr size_t kSocketPathMax = 107;  // sun_path of sockaddr_un, less its zero
constexpr TimeUnit kMs = TimeUnit::kMilliseconds;

// What the listener does unless it says so itself follows from its mode and the backend.
void ReadListener(YamlSection& section, BackendKind backend, ListenerConfig& listener) {
  section.Read("address", listener.address);
  section.Read("port", listener.port);
  section.Read("path", listener.path);
  section.ReadPermissions("permissions", listener.permissions);
  if (!listener.path.empty() && (section.Has("address") || section.Has("port"))) {
    section.Fail("path", "stands instead of address and port, not beside them");
  }
  section.ReadEnum<ListenerMode>("mode", listener.mode, kListenerModes);
  if (listener.mode == ListenerMode::kReadOnly) listener.reads = ReadPolicy::kPreferReplica;
  if (backend != BackendKind::kCluster) listener.face = ListenerFace::kStandalone;
  section.ReadEnum<ListenerFace>("face", listener.face, kListenerFaces);
  section.ReadEnum<ReadPolicy>("reads", listener.reads, kReadPolicies);
  section.ReadEnum<ProxyProtocol>("proxy_protocol", listener.proxy_protocol, kProxyProtocols);
  section.Section("tls", [&](YamlSection& tls) { ReadListenerTls(tls, listener.tls); });
}

void ReadListeners(YamlSection& root, BackendKind backend, std::vector<ListenerConfig>& listeners) {
  if (!root.Has("listeners") && backend != BackendKind::kCluster) {
    for (ListenerConfig& listener : listeners) listener.face = ListenerFace::kStandalone;
  }
  if (root.Has("listeners")) listeners.clear();
  root.Each("listeners", [&](YamlSection& section) {
    ListenerConfig listener;
    ReadListener(section, backend, listener);
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
  section.ReadPassword(backend.password, backend.password_file, &backend.previous_password);
  section.ReadDuration("password_window_ms", backend.password_window_ms, kMs);
  section.Read("databases", backend.databases, 1, kDatabasesMax);
  section.Read("keeps_users", backend.keeps_users);
  section.ReadDuration("connect_timeout_ms", backend.connect_timeout_ms, kMs);
  section.ReadDuration("response_timeout_ms", backend.response_timeout_ms, kMs);
  section.ReadDuration("ping_interval_ms", backend.ping_interval_ms, kMs);
  section.Section("tls", [&](YamlSection& tls) { ReadBackendTls(tls, backend.tls); });
  section.Section("topology", [&](YamlSection& topology) {
    topology.ReadDuration("refresh_interval_ms", backend.topology.refresh_interval_ms, kMs);
    topology.ReadDuration("refresh_min_interval_ms", backend.topology.refresh_min_interval_ms, kMs);
    topology.Read("nodes_asked", backend.topology.nodes_asked, 1, 1000);
  });
  section.Section("sentinel", [&](YamlSection& sentinel) {
    sentinel.Read("master_name", backend.sentinel.master_name);
    sentinel.Read("username", backend.sentinel.username);
    sentinel.ReadPassword(backend.sentinel.password, backend.sentinel.password_file,
                          &backend.sentinel.previous_password);
  });
  section.Section("replicas", [&](YamlSection& replicas) {
    replicas.ReadDuration("staleness_max_ms", backend.replicas.staleness_max_ms, kMs);
    replicas.ReadDuration("check_interval_ms", backend.replicas.check_interval_ms, kMs);
    replicas.Read("zone", backend.replicas.zone);
    replicas.EachEntry("node_zones", [&](std::string nodes, std::string zone) {
      backend.replicas.node_zones.push_back({std::move(nodes), std::move(zone)});
    });
  });
}

void ReadNetworks(YamlSection& section, const char* key, std::vector<std::string>& networks) {
  section.ReadStrings(key, networks);
  for (const std::string& network : networks) {
    if (IsNetwork(network)) continue;
    section.Fail(key, "needs networks such as 10.1.0.0/16, not '" + network + "'");
  }
}

void ReadUserLimits(YamlSection& section, UserLimits& limits) {
  section.Read("connections_max", limits.connections_max);
  section.Read("requests_per_s", limits.requests_per_s);
  section.ReadSize("bytes_per_s", limits.bytes_per_s);
  section.ReadDuration("burst_ms", limits.burst_ms, kMs);
  section.ReadDuration("wait_max_ms", limits.wait_max_ms, kMs);
}

// Who is named has of each limit that is not the one of everybody.
void ReadLimitsOfUsers(YamlSection& section, LimitsConfig& limits) {
  section.Section("each_user", [&](YamlSection& each) { ReadUserLimits(each, limits.each_user); });
  section.EachNamed("users", [&](const std::string& name, YamlSection& user) {
    ReadUserLimits(user, limits.users.try_emplace(name, limits.each_user).first->second);
  });
  section.Read("unauthenticated_max", limits.unauthenticated_max, 1);
  section.ReadDuration("authenticate_timeout_ms", limits.authenticate_timeout_ms, kMs);
  section.ReadStrings("dangerous_commands", limits.dangerous_commands);
  section.ReadStrings("denied_commands", limits.denied_commands);
}

void ReadLimits(YamlSection& section, LimitsConfig& limits) {
  ReadLimitsOfUsers(section, limits);
  section.Read("clients_max", limits.clients_max, 1);
  section.Read("handshakes_max", limits.handshakes_max, 1);
  section.Read("client_pipeline_max", limits.client_pipeline_max, 1);
  section.ReadSize("client_output_max_bytes", limits.client_output_max_bytes, 1);
  section.ReadSize("client_output_pause_bytes", limits.client_output_pause_bytes, 1);
  section.ReadSize("request_bytes_max", limits.request_bytes_max, kKilobyte);
  section.ReadSize("bulk_bytes_max", limits.bulk_bytes_max, kKilobyte);
  section.Read("args_max", limits.args_max, 1);
  section.ReadSize("buffered_total_max_bytes", limits.buffered_total_max_bytes);
  section.Read("clients_per_address_max", limits.clients_per_address_max);
  ReadNetworks(section, "networks_allowed", limits.networks_allowed);
  ReadNetworks(section, "networks_denied", limits.networks_denied);
  section.ReadSize("transaction_bytes_max", limits.transaction_bytes_max, kKilobyte);
  section.Read("transaction_commands_max", limits.transaction_commands_max, 1);
  section.Read("subscriptions_per_client_max", limits.subscriptions_per_client_max, 1);
  section.ReadSize("pubsub_output_max_bytes", limits.pubsub_output_max_bytes, kKilobyte);
  section.ReadSize("pubsub_output_soft_bytes", limits.pubsub_output_soft_bytes);
  section.ReadDuration("pubsub_output_soft_ms", limits.pubsub_output_soft_ms, kMs);
  section.Read("private_connections_max", limits.private_connections_max, 1);
  section.Read("tracking_clients_max", limits.tracking_clients_max);
  section.Read("monitor_clients_max", limits.monitor_clients_max);
}

void ReadRouting(YamlSection& section, RoutingConfig& routing) {
  section.ReadEnum<CrossSlot>("cross_slot", routing.cross_slot, kCrossSlots);
  section.ReadSize("cross_slot_bytes_max", routing.cross_slot_bytes_max, kKilobyte);
  section.Read("split_mset", routing.split_mset);
  section.ReadEnum<KeylessScripts>("keyless_scripts", routing.keyless_scripts, kKeylessScripts);
  section.ReadSize("script_memory_bytes_max", routing.script_memory_bytes_max, kKilobyte);
  section.ReadDuration("info_wait_ms", routing.info_wait_ms, kMs);
}

void ReadLog(YamlSection& section, LogConfig& log) {
  section.ReadEnum<LogLevel>("level", log.level, kLogLevels);
  section.ReadEnum<LogFormat>("format", log.format, kLogFormats);
  section.Read("file", log.file);
  section.ReadSize("rotate_bytes", log.rotate_bytes);
  section.Read("rotate_files", log.rotate_files, 1, 1000);
}

void ReadRoot(YamlSection& root, ProxyConfig& config) {
  root.Section("backend", [&](YamlSection& section) { ReadBackend(section, config.backend); });
  ReadListeners(root, config.backend.kind, config.listeners);
  root.Section("auth", [&](YamlSection& section) {
    section.ReadPassword(config.auth.password, config.auth.password_file,
                         &config.auth.previous_password);
    section.ReadDuration("password_window_ms", config.auth.password_window_ms, kMs);
    section.ReadStrings("users", config.auth.users);
    section.ReadPath("acl_file", config.auth.acl_file);
    if (!config.auth.users.empty() && !config.auth.acl_file.empty()) {
      section.Fail("acl_file", "users and acl_file cannot both be set");
    }
  });
  root.Read("workers", config.workers, 0, kWorkersMax);
  root.Read("pause_max_us", config.pause_max_us, 0, kPauseMaxUs);
  root.Section("limits", [&](YamlSection& section) { ReadLimits(section, config.limits); });
  root.Section("routing", [&](YamlSection& section) { ReadRouting(section, config.routing); });
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
    section.Read("console", config.admin.console);
    section.Read("console_edits_users", config.admin.console_edits_users);
  });
  root.Section("log", [&](YamlSection& section) { ReadLog(section, config.log); });
  root.Section("audit", [&](YamlSection& section) {
    section.Read("file", config.audit.file);
    section.ReadSize("rotate_bytes", config.audit.rotate_bytes);
    section.Read("rotate_files", config.audit.rotate_files, 1, 1000);
  });
  root.Section("slow_requests", [&](YamlSection& section) {
    section.ReadDuration("over_ms", config.slow_requests.over_ms, kMs);
    section.Read("kept_max", config.slow_requests.kept_max, 1, 100000);
  });
  root.Section("hot_keys", [&](YamlSection& section) {
    section.Read("sample", config.hot_keys.sample);
  });
  root.Section("access_log", [&](YamlSection& section) {
    section.Read("file", config.access_log.file);
    section.Read("sample", config.access_log.sample);
    section.ReadDuration("slow_over_ms", config.access_log.slow_over_ms, kMs);
    section.ReadSize("rotate_bytes", config.access_log.rotate_bytes);
    section.Read("rotate_files", config.access_log.rotate_files, 1, 1000);
  });
  root.Section("tcp", [&](YamlSection& section) {
    section.Read("nodelay", config.tcp.nodelay);
    section.ReadDuration("keepalive_s", config.tcp.keepalive_s, TimeUnit::kSeconds);
    section.Read("backlog", config.tcp.backlog, 1, 65535);
    section.ReadDuration("proxy_header_timeout_ms", config.tcp.proxy_header_timeout_ms, kMs);
  });
  root.ReadDuration("idle_timeout_ms", config.idle_timeout_ms, kMs);
  root.ReadDuration("shutdown_grace_ms", config.shutdown_grace_ms, kMs);
  root.ReadDuration("shutdown_drain_ms", config.shutdown_drain_ms, kMs);
}

struct Complaint {
  std::string path;  // as in the YAML file
  std::string text;
};

std::optional<Complaint> CheckListeners(const ProxyConfig& config) {
  if (config.listeners.empty()) return Complaint{"listeners", "needs at least one listener"};
  std::set<std::pair<std::string, uint16_t>> taken;
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerConfig& listener = config.listeners[i];
    std::string path = "listeners[" + std::to_string(i) + "]";
    if (!listener.path.empty()) {
      if (listener.path.front() != '/') return Complaint{path + ".path", "must begin with /"};
      if (listener.path.size() > kSocketPathMax) {
        return Complaint{path + ".path", "must not be longer than 107 bytes"};
      }
      if (!taken.emplace(listener.path, uint16_t{0}).second) {
        return Complaint{path, "is the same path as another listener"};
      }
      continue;
    }
    if (listener.address.empty()) return Complaint{path + ".address", "needs an address"};
    if (listener.port != 0 && !taken.emplace(listener.address, listener.port).second) {
      return Complaint{path, "is the same address and port as another listener"};
    }
  }
  return std::nullopt;
}

std::optional<Complaint> CheckReplicas(const ReplicasConfig& replicas) {
  if (replicas.check_interval_ms == 0) {
    return Complaint{"backend.replicas.check_interval_ms", "must be above 0"};
  }
  for (const NodeZone& entry : replicas.node_zones) {
    if (!IsNodePattern(entry.nodes)) {
      return Complaint{"backend.replicas.node_zones",
                       "needs hosts or networks like 10.1.0.0/16, not '" + entry.nodes + "'"};
    }
  }
  if (!replicas.node_zones.empty() && replicas.zone.empty()) {
    return Complaint{"backend.replicas.node_zones", "needs the proxy's own zone beside it"};
  }
  if (!replicas.zone.empty() && replicas.node_zones.empty()) {
    return Complaint{"backend.replicas.zone", "needs node_zones beside it"};
  }
  return std::nullopt;
}

std::optional<Complaint> CheckBackend(const BackendConfig& backend) {
  bool is_cluster = backend.kind == BackendKind::kCluster;
  bool is_sentinel = backend.kind == BackendKind::kSentinel;
  if (backend.seeds.empty()) {
    return Complaint{"backend.seeds", is_cluster ? "needs at least one host:port of the cluster"
                                                 : "needs at least one host:port"};
  }
  if (!backend.username.empty() && backend.password.empty()) {
    return Complaint{"backend.username", "needs a password or password_file beside it"};
  }
  if (is_cluster && backend.databases != BackendConfig{}.databases) {
    return Complaint{"backend.databases", "needs kind master-replica or sentinel"};
  }
  if (is_sentinel && backend.sentinel.master_name.empty()) {
    return Complaint{"backend.sentinel.master_name", "needs the name the sentinels know"};
  }
  if (!is_sentinel && backend.sentinel != SentinelConfig{}) {
    return Complaint{"backend.sentinel", "needs kind sentinel"};
  }
  if (!backend.sentinel.username.empty() && backend.sentinel.password.empty()) {
    return Complaint{"backend.sentinel.username", "needs a password or password_file beside it"};
  }
  if (backend.connect_timeout_ms == 0) {
    return Complaint{"backend.connect_timeout_ms", "must be above 0"};
  }
  if (backend.topology.refresh_interval_ms < backend.topology.refresh_min_interval_ms) {
    return Complaint{"backend.topology.refresh_interval_ms",
                     "must not be below refresh_min_interval_ms"};
  }
  return CheckReplicas(backend.replicas);
}

std::optional<Complaint> CheckLimits(const LimitsConfig& limits) {
  if (limits.client_output_pause_bytes > limits.client_output_max_bytes) {
    return Complaint{"limits.client_output_pause_bytes",
                     "must not be above client_output_max_bytes"};
  }
  if (limits.client_output_max_bytes > kOutputBytesMax) {
    return Complaint{"limits.client_output_max_bytes", "must be below 4gb"};
  }
  if (limits.pubsub_output_max_bytes > kOutputBytesMax) {
    return Complaint{"limits.pubsub_output_max_bytes", "must be below 4gb"};
  }
  if (limits.pubsub_output_soft_bytes > limits.pubsub_output_max_bytes) {
    return Complaint{"limits.pubsub_output_soft_bytes",
                     "must not be above pubsub_output_max_bytes"};
  }
  if (limits.request_bytes_max > kRequestBytesMax) {
    return Complaint{"limits.request_bytes_max", "must not be above 2gb"};
  }
  if (limits.bulk_bytes_max > limits.request_bytes_max) {
    return Complaint{"limits.bulk_bytes_max", "must not be above request_bytes_max"};
  }
  return std::nullopt;
}

// `each` is given all that can have TLS, with its place in the settings; it stops at an error.
template <class Config, class Each>
std::optional<Complaint> ForEachTls(Config& config, const Each& each) {
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    if (auto done = each(config.listeners[i].tls); !done) {
      return Complaint{"listeners[" + std::to_string(i) + "].tls", done.error().text};
    }
  }
  if (auto done = each(config.backend.tls); !done) {
    return Complaint{"backend.tls", done.error().text};
  }
  return std::nullopt;
}

// The files are read, too: who checks the settings wants to know.
std::optional<Complaint> CheckTls(const ProxyConfig& config) {
  return ForEachTls(config, [](auto tls) { return OpenTls(tls); });
}

std::optional<Complaint> FindComplaint(const ProxyConfig& config) {
  if (auto complaint = CheckListeners(config)) return complaint;
  if (auto complaint = CheckBackend(config.backend)) return complaint;
  if (auto complaint = CheckLimits(config.limits)) return complaint;
  if (auto complaint = CheckTls(config)) return complaint;
  if (config.retry.backoff_ms > config.retry.backoff_max_ms) {
    return Complaint{"retry.backoff_ms", "must not be above backoff_max_ms"};
  }
  if (config.tcp.proxy_header_timeout_ms == 0) {
    return Complaint{"tcp.proxy_header_timeout_ms", "must be above 0"};
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

runtime::Result<void> OpenTls(ProxyConfig& config) {
  ProxyConfig opened = config;
  if (auto complaint = ForEachTls(opened, [](auto& tls) { return OpenTls(tls); })) {
    return runtime::Fail(complaint->path + ": " + complaint->text);
  }
  config = std::move(opened);
  return {};
}

runtime::Result<void> ReadPasswordFiles(ProxyConfig& config) {
  ProxyConfig read = config;
  const auto take = [](auto& login) {
    return login.password_file.empty()
               ? std::nullopt
               : ReadPasswordFile(login.password_file, login.password, &login.previous_password);
  };
  auto reason = take(read.auth);
  if (!reason) reason = take(read.backend);
  if (!reason) reason = take(read.backend.sentinel);
  if (reason) return runtime::Fail(*reason);
  config = std::move(read);
  return {};
}

std::vector<std::string> PasswordFilesOf(const ProxyConfig& config) {
  std::vector<std::string> files;
  for (const std::string& file : {config.auth.password_file, config.backend.password_file,
                                  config.backend.sentinel.password_file}) {
    if (!file.empty()) files.push_back(file);
  }
  return files;
}

std::vector<std::string> TlsFilesOf(const ProxyConfig& config) {
  std::vector<std::string> files;
  ForEachTls(config, [&](const auto& tls) -> runtime::Result<void> {
    for (std::string& file : runtime::TlsContext::FilesOf(tls.settings)) {
      files.push_back(std::move(file));
    }
    return {};
  });
  return files;
}

std::vector<runtime::CertificateEnd> CertificateEndsOf(const ProxyConfig& config) {
  std::map<std::string, int64_t> by_file;  // one may be in use in several places
  ForEachTls(config, [&](const auto& tls) -> runtime::Result<void> {
    if (tls.opened.context == nullptr) return {};
    for (const runtime::CertificateEnd& end : tls.opened.context->CertificateEnds()) {
      auto [known, is_new] = by_file.emplace(end.file, end.at_s);
      known->second = std::min(known->second, end.at_s);
    }
    return {};
  });
  std::vector<runtime::CertificateEnd> ends;
  for (auto& [file, at_s] : by_file) ends.push_back({file, at_s});
  return ends;
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
