// SPDX-License-Identifier: Apache-2.0
#include "config/proxy_config.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <sstream>
#include <unistd.h>

namespace slotway::config {
namespace {

const std::string kMinimal = "backend:\n  seeds: [\"127.0.0.1:7000\"]\n";

std::filesystem::path ShippedFile() {
  return std::filesystem::path(SLOTWAY_TEST_DATA) / "../../config/proxy.yaml";
}

std::string Text(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

ProxyConfig Defaults() {
  ProxyConfig config;
  config.backend.seeds = {{"127.0.0.1", 7000}};
  return config;
}

std::string ErrorOf(const std::string& yaml) {
  auto config = ParseProxyConfig(yaml, "p.yaml");
  return config ? "" : config.error().Render();
}

TEST(ProxyConfig, TheShippedFileSaysTheDefaults) {
  auto config = LoadProxyConfig(ShippedFile());
  ASSERT_TRUE(config) << config.error().Render();
  EXPECT_TRUE(*config == Defaults());
}

// A setting that the file leaves out would pass the test above: so each line of it, spoilt, must
// be an error, and each name the reader knows must be in it.
TEST(ProxyConfig, TheShippedFileSetsEveryKnownName) {
  std::string text = Text(ShippedFile());
  std::regex name_line(R"(^\s*(?:- )?([a-z_]+):)");
  std::set<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, name_line)) names.insert(match[1]);
  }
  const auto sources = std::filesystem::path(SLOTWAY_TEST_DATA) / "../../config";
  std::string source = Text(sources / "proxy_config.cpp") + Text(sources / "tls_config.cpp");
  std::regex read_call(R"rx((?:Read\w*(?:<\w+>)?|Section|Each)\("([a-z_]+)")rx");
  int known = 0;
  for (std::sregex_iterator it(source.begin(), source.end(), read_call), end; it != end; ++it) {
    EXPECT_TRUE(names.count((*it)[1])) << (*it)[1] << " is missing in proxy.yaml";
    ++known;
  }
  EXPECT_GT(known, 70);
}

TEST(ProxyConfig, AbsentSettingsKeepTheirDefaults) {
  auto config = ParseProxyConfig(kMinimal, "p.yaml");
  ASSERT_TRUE(config) << config.error().Render();
  EXPECT_TRUE(*config == Defaults());
  auto empty_headings = ParseProxyConfig(kMinimal + "limits:\nlog:\n", "p.yaml");
  ASSERT_TRUE(empty_headings) << empty_headings.error().Render();
}

TEST(ProxyConfig, ReadsEveryKindOfValue) {
  auto config = ParseProxyConfig(R"(
listeners:
  - {address: "::", port: 0}
  - {address: 10.0.0.1, port: 6380, mode: read-only, face: standalone, proxy_protocol: required}
  - {path: /run/slotway.sock, permissions: 0770, reads: nearest}
backend:
  seeds: ["redis-0.redis:6379", "[::1]:7000"]
  username: app
  password: "123"
  response_timeout_ms: 0
  topology: {refresh_interval_ms: 2s, nodes_asked: 1}
  replicas: {staleness_max_ms: 500ms, zone: a, node_zones: {redis-0.redis: a, "::/0": b}}
workers: 4
pause_max_us: 0
limits: {client_output_pause_bytes: 64kb, buffered_total_max_bytes: 2gb, pubsub_output_soft_ms: 1m}
routing: {cross_slot: all, split_mset: no, keyless_scripts: off}
hold: {time_max_ms: 500}
announce: {host: example.org, port: 31234}
admin: {port: 0, console: no, console_edits_users: yes}
log: {level: debug, format: json, file: /tmp/x.log}
tcp: {nodelay: false, keepalive_s: 5m}
idle_timeout_ms: 1h
)",
                                 "p.yaml");
  ASSERT_TRUE(config) << config.error().Render();
  ASSERT_EQ(config->listeners.size(), 3u);
  EXPECT_EQ(config->listeners[0].address, "::");
  EXPECT_EQ(config->listeners[0].reads, ReadPolicy::kPrimary);
  EXPECT_EQ(config->listeners[1].port, 6380);
  EXPECT_EQ(config->listeners[1].mode, ListenerMode::kReadOnly);
  EXPECT_EQ(config->listeners[1].face, ListenerFace::kStandalone);
  EXPECT_EQ(config->listeners[1].reads, ReadPolicy::kPreferReplica);
  EXPECT_EQ(config->listeners[1].proxy_protocol, ProxyProtocol::kRequired);
  EXPECT_EQ(config->listeners[2].path, "/run/slotway.sock");
  EXPECT_EQ(config->listeners[2].permissions, 0770u);
  EXPECT_EQ(config->listeners[2].reads, ReadPolicy::kNearest);
  EXPECT_EQ(config->backend.seeds[0], (Endpoint{"redis-0.redis", 6379}));
  EXPECT_EQ(config->backend.seeds[1], (Endpoint{"::1", 7000}));
  EXPECT_EQ(config->backend.password, "123");
  EXPECT_EQ(config->backend.response_timeout_ms, 0u);
  EXPECT_EQ(config->backend.topology.refresh_interval_ms, 2000u);
  EXPECT_EQ(config->backend.replicas.staleness_max_ms, 500u);
  EXPECT_EQ(config->backend.replicas.node_zones,
            (std::vector<NodeZone>{{"redis-0.redis", "a"}, {"::/0", "b"}}));
  EXPECT_EQ(config->limits.pubsub_output_soft_ms, 60000u);
  EXPECT_EQ(config->routing.cross_slot, CrossSlot::kAll);
  EXPECT_FALSE(config->routing.split_mset);
  EXPECT_EQ(config->routing.keyless_scripts, KeylessScripts::kOff);
  EXPECT_EQ(config->workers, 4u);
  EXPECT_EQ(config->pause_max_us, 0u);
  EXPECT_EQ(config->limits.client_output_pause_bytes, 64 * kKilobyte);
  EXPECT_EQ(config->limits.buffered_total_max_bytes, 2 * kGigabyte);
  EXPECT_EQ(config->announce.port, 31234);
  EXPECT_FALSE(config->admin.console);
  EXPECT_TRUE(config->admin.console_edits_users);
  EXPECT_EQ(config->log.level, LogLevel::kDebug);
  EXPECT_EQ(config->log.format, LogFormat::kJson);
  EXPECT_FALSE(config->tcp.nodelay);
  EXPECT_EQ(config->tcp.keepalive_s, 300u);
  EXPECT_EQ(config->idle_timeout_ms, 3600000u);
}

TEST(ProxyConfig, WithoutAClusterBehindThemListenersAreStandalone) {
  const std::string backend =
      "backend:\n  kind: sentinel\n  seeds: [\"s:26379\"]\n  databases: 4\n"
      "  sentinel: {master_name: mymaster, password: p}\n";
  auto config = ParseProxyConfig(backend, "p.yaml");
  ASSERT_TRUE(config) << config.error().Render();
  EXPECT_EQ(config->backend.kind, BackendKind::kSentinel);
  EXPECT_EQ(config->backend.sentinel.master_name, "mymaster");
  EXPECT_EQ(config->backend.sentinel.password, "p");
  EXPECT_EQ(config->backend.databases, 4u);
  EXPECT_EQ(config->listeners[0].face, ListenerFace::kStandalone);
  config = ParseProxyConfig(backend + "listeners: [{port: 1}, {port: 2, face: cluster}]\n", "");
  ASSERT_TRUE(config) << config.error().Render();
  EXPECT_EQ(config->listeners[0].face, ListenerFace::kStandalone);
  EXPECT_EQ(config->listeners[1].face, ListenerFace::kCluster);
}

struct ErrorCase {
  std::string yaml, error;
};

TEST(ProxyConfig, ErrorsNameFileLineAndSetting) {
  const ErrorCase cases[] = {
      {"worker: 3\n" + kMinimal, "p.yaml:1: unknown setting 'worker' (did you mean 'workers'?)"},
      {kMinimal + "limits:\n  clients: 3\n", "p.yaml:4: unknown setting 'limits.clients'"},
      {kMinimal + "limits:\n  client_max: 3\n",
       "p.yaml:4: unknown setting 'limits.client_max' (did you mean 'clients_max'?)"},
      {kMinimal + "workers: many\n", "p.yaml:3: workers: needs a whole number, not 'many'"},
      {kMinimal + "workers: 5000\n", "p.yaml:3: workers: must be between 0 and 1024, not 5000"},
      {kMinimal + "workers: [1]\n", "p.yaml:3: workers: needs a single value"},
      {kMinimal + "workers:\n", "p.yaml:3: workers: needs a value"},
      {kMinimal + "workers: 1\nworkers: 2\n", "p.yaml:4: workers: is set twice"},
      {kMinimal + "limits: 3\n", "p.yaml:3: limits: needs settings of its own below it"},
      {kMinimal + "tcp:\n  nodelay: maybe\n",
       "p.yaml:4: tcp.nodelay: needs yes or no, not 'maybe'"},
      {kMinimal + "hold: {bytes_max: lots}\n",
       "p.yaml:3: hold.bytes_max: needs a size like 512mb, not 'lots'"},
      {kMinimal + "hold: {time_max_ms: soon}\n",
       "p.yaml:3: hold.time_max_ms: needs a time like 30s or 250ms, not 'soon'"},
      {kMinimal + "tcp: {keepalive_s: 1500ms}\n",
       "p.yaml:3: tcp.keepalive_s: counts whole seconds"},
      {kMinimal + "log:\n  level: warn\n",
       "p.yaml:4: log.level: must be one of debug, info, warning, error, off, not 'warn'"},
      {kMinimal + "log:\n  level: warnin\n",
       "p.yaml:4: log.level: must be one of debug, info, warning, error, off, not 'warnin' (did "
       "you mean 'warning'?)"},
      {"", "p.yaml: backend.seeds: needs at least one host:port of the cluster"},
      {"backend:\n  kind: cluster\n",
       "p.yaml:1: backend.seeds: needs at least one host:port of the cluster"},
      {"backend:\n  seeds: [localhost]\n",
       "p.yaml:2: backend.seeds: needs host:port, not 'localhost'"},
      {"backend:\n  seeds: a:1\n", "p.yaml:2: backend.seeds: needs a list"},
      {kMinimal + "listeners: []\n", "p.yaml:3: listeners: needs at least one listener"},
      {kMinimal + "listeners:\n  - port: 1\n  - port: 1\n",
       "p.yaml:5: listeners[1]: is the same address and port as another listener"},
      {kMinimal + "listeners:\n  - port: 70000\n",
       "p.yaml:4: listeners[0].port: must be between 0 and 65535, not 70000"},
      {kMinimal + "limits:\n  client_output_pause_bytes: 2gb\n",
       "p.yaml:4: limits.client_output_pause_bytes: must not be above client_output_max_bytes"},
      {kMinimal + "  username: me\n",
       "p.yaml:3: backend.username: needs a password or password_file beside it"},
      {kMinimal + "log: {level: [}\n", "p.yaml:3: is not valid YAML: illegal flow end"},
      {"- a\n- b\n", "p.yaml:1: settings must be 'name: value' lines"},
  };
  for (const ErrorCase& c : cases) EXPECT_EQ(ErrorOf(c.yaml), c.error) << c.yaml;
}

TEST(ProxyConfig, WhatDoesNotFitTogetherIsAnError) {
  const ErrorCase cases[] = {
      {kMinimal + "limits:\n  client_output_max_bytes: 4gb\n",
       "p.yaml:4: limits.client_output_max_bytes: must be below 4gb"},
      {kMinimal + "limits:\n  pubsub_output_max_bytes: 1mb\n",
       "p.yaml:3: limits.pubsub_output_soft_bytes: must not be above pubsub_output_max_bytes"},
      {kMinimal + "listeners:\n  - path: /s\n    port: 1\n",
       "p.yaml:4: listeners[0].path: stands instead of address and port, not beside them"},
      {kMinimal + "listeners:\n  - path: s\n",
       "p.yaml:4: listeners[0].path: must begin with /"},
      {kMinimal + "listeners:\n  - path: /" + std::string(107, 's') + "\n",
       "p.yaml:4: listeners[0].path: must not be longer than 107 bytes"},
      {kMinimal + "listeners:\n  - path: /s\n  - path: /s\n",
       "p.yaml:5: listeners[1]: is the same path as another listener"},
      {kMinimal + "listeners:\n  - path: /s\n    permissions: 1777\n",
       "p.yaml:5: listeners[0].permissions: needs permissions like 700 or 0770, not '1777'"},
      {kMinimal + "listeners:\n  - proxy_protocol: optional\n",
       "p.yaml:4: listeners[0].proxy_protocol: must be one of off, required, not 'optional'"},
      {kMinimal + "limits:\n  networks_denied: [10.1.0.0/33]\n",
       "p.yaml:4: limits.networks_denied: needs networks such as 10.1.0.0/16, not '10.1.0.0/33'"},
      {kMinimal + "  databases: 4\n",
       "p.yaml:3: backend.databases: needs kind master-replica or sentinel"},
      {kMinimal + "  kind: sentinel\n",
       "p.yaml:1: backend.sentinel.master_name: needs the name the sentinels know"},
      {kMinimal + "  sentinel: {master_name: m}\n",
       "p.yaml:3: backend.sentinel: needs kind sentinel"},
      {kMinimal + "  replicas: {zone: a}\n",
       "p.yaml:3: backend.replicas.zone: needs node_zones beside it"},
      {kMinimal + "  replicas:\n    node_zones: {10.0.0.0/99: a}\n",
       "p.yaml:4: backend.replicas.node_zones: needs hosts or networks like 10.1.0.0/16, not "
       "'10.0.0.0/99'"},
      {kMinimal + "  replicas:\n    node_zones: [a]\n",
       "p.yaml:4: backend.replicas.node_zones: needs 'name: value' lines below it"},
      {kMinimal + "routing: {cross_slot: some}\n",
       "p.yaml:3: routing.cross_slot: must be one of off, reads, all, not 'some'"},
      {kMinimal + "tcp: {proxy_header_timeout_ms: 0}\n",
       "p.yaml:3: tcp.proxy_header_timeout_ms: must be above 0"},
  };
  for (const ErrorCase& c : cases) EXPECT_EQ(ErrorOf(c.yaml), c.error) << c.yaml;
}

TEST(ProxyConfig, TheFirstErrorByLineIsReported) {
  EXPECT_EQ(ErrorOf("oops: 1\nworkers: x\n" + kMinimal), "p.yaml:1: unknown setting 'oops'");
}

class PasswordFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "slotway_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
  }

  std::filesystem::path directory_;
};

TEST_F(PasswordFile, IsReadNextToTheSettings) {
  Write("secret", "s3cret ${HOME}\n");
  Write("p.yaml", kMinimal + "auth:\n  password_file: secret\n");
  auto config = LoadProxyConfig(directory_ / "p.yaml");
  ASSERT_TRUE(config) << config.error().Render();
  EXPECT_EQ(config->auth.password, "s3cret ${HOME}");
  EXPECT_EQ(config->auth.password_file, (directory_ / "secret").string());
}

TEST_F(PasswordFile, ASecondLineIsThePreviousPassword) {
  Write("secret", "new\r\nold\n");
  Write("shards", "theirs");
  Write("p.yaml", kMinimal + "  password_file: shards\nauth:\n  password_file: secret\n");
  auto config = LoadProxyConfig(directory_ / "p.yaml");
  ASSERT_TRUE(config) << config.error().Render();
  EXPECT_EQ(config->auth.password, "new");
  EXPECT_EQ(config->auth.previous_password, "old");
  EXPECT_EQ(config->backend.password, "theirs");
  EXPECT_EQ(PasswordFilesOf(*config), (std::vector<std::string>{(directory_ / "secret").string(),
                                                                (directory_ / "shards").string()}));
  Write("secret", "newer\n");
  Write("shards", "theirs too\ntheirs\n");
  ASSERT_TRUE(ReadPasswordFiles(*config));
  EXPECT_EQ(config->auth.password, "newer");
  EXPECT_EQ(config->auth.previous_password, "");
  EXPECT_EQ(config->backend.previous_password, "theirs");
  const ProxyConfig before = *config;
  Write("secret", "a\nb\nc\n");
  Write("shards", "other");
  EXPECT_EQ(ReadPasswordFiles(*config).error().text,
            (directory_ / "secret").string() + ": holds more than two lines");
  EXPECT_TRUE(*config == before);
}

TEST(ProxyConfig, LimitsOfUsers) {
  auto config = ParseProxyConfig(kMinimal + R"(limits:
  users:
    alice: {requests_per_s: 1000, wait_max_ms: 1s}
    bob: {bytes_per_s: 10mb}
  each_user: {connections_max: 3, requests_per_s: 10}
)",
                                 "p.yaml");
  ASSERT_TRUE(config) << config.error().Render();
  const LimitsByUser& users = config->limits.users;
  EXPECT_EQ(users.size(), 2u);
  EXPECT_EQ(users.at("alice"), (UserLimits{.connections_max = 3, .requests_per_s = 1000, .wait_max_ms = 1000}));
  EXPECT_EQ(users.at("bob"), (UserLimits{.connections_max = 3, .requests_per_s = 10, .bytes_per_s = 10 * kMegabyte}));
  EXPECT_EQ(ErrorOf(kMinimal + "limits:\n  users: {alice: {rate: 1}}\n"),
            "p.yaml:4: unknown setting 'limits.users.alice.rate'");
  EXPECT_EQ(ErrorOf(kMinimal + "limits:\n  users: [alice]\n"),
            "p.yaml:4: limits.users: needs settings of its own below it");
}

TEST_F(PasswordFile, ProblemsAreErrors) {
  std::string path = (directory_ / "p.yaml").string();
  Write("p.yaml", kMinimal + "auth:\n  password_file: missing\n");
  auto missing = LoadProxyConfig(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().Render(),
            path + ":4: auth.password_file: " + (directory_ / "missing").string() +
                ": No such file or directory");
  Write("empty", "\n");
  Write("p.yaml", kMinimal + "auth:\n  password_file: empty\n");
  EXPECT_FALSE(LoadProxyConfig(path));
  Write("full", "x");
  Write("p.yaml", kMinimal + "auth:\n  password: a\n  password_file: full\n");
  auto both = LoadProxyConfig(path);
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().Render(),
            path + ":5: auth.password_file: password and password_file cannot both be set");
}

TEST(ProxyConfig, MissingFile) {
  auto config = LoadProxyConfig("/nonexistent/p.yaml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().Render(), "/nonexistent/p.yaml: No such file or directory");
}

TEST(ProxyConfig, BuiltInCode) {
  ProxyConfig config;
  ASSERT_TRUE(Validate(config));
  EXPECT_EQ(Validate(config)->Render(),
            "backend.seeds: needs at least one host:port of the cluster");
  config.backend.seeds = {{"127.0.0.1", 7000}};
  EXPECT_FALSE(Validate(config));
}

TEST(ProxyConfig, Endpoints) {
  EXPECT_EQ(ParseEndpoint("a:1"), (Endpoint{"a", 1}));
  EXPECT_EQ(ParseEndpoint("[fe80::1]:65535"), (Endpoint{"fe80::1", 65535}));
  for (std::string_view wrong :
       {"", "a", ":1", "a:", "a:0", "a:65536", "::1:7000", "[]:1", "[::1:2", "a b:1", "a:1x"}) {
    EXPECT_FALSE(ParseEndpoint(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace slotway::config
