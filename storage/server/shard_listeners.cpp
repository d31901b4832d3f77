// SPDX-License-Identifier: Apache-2.0
#include "storage/server/shard_listeners.h"

#include <limits>
#include <utility>

#include "config/path_in_dir.h"
#include "config/shard_tls.h"
#include "runtime/log.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kHandshakeTimeoutMs = 10'000;
constexpr std::string_view kCannotListen = "Unable to listen on this port. Check server logs.";

}  // namespace

class ShardListeners::Visitor final : public runtime::TlsEntrance::Visitor {
 public:
  explicit Visitor(ShardListeners& listeners)
      : listeners_(listeners), context_(listeners.state_.tls.server) {}

 private:
  void OnSecured(std::unique_ptr<runtime::Connection> connection) override {
    ++listeners_.state_.stats.tls_handshakes;
    listeners_.on_client_(std::move(connection));
  }
  void OnTurnedAway(std::string_view reason) override {
    runtime::LogDebug("Error accepting a client connection: {}", reason);
    ++listeners_.state_.stats.connections_rejected;
    ++listeners_.state_.stats.failed_tls_handshakes;
  }

  ShardListeners& listeners_;
  std::shared_ptr<const runtime::TlsContext> context_;  // shared: until the handshake is over
};

ShardListeners::ShardListeners(runtime::EventLoop& loop, ServerState& state, OnClient on_client)
    : loop_(loop),
      state_(state),
      on_client_(std::move(on_client)),
      entrance_(loop, std::numeric_limits<std::size_t>::max()) {
  tls_.is_tls = true;
}

std::int64_t ShardListeners::WantedPort(const Door& door) const {
  return door.is_tls ? state_.Config().tls_port : state_.Config().port;
}

// Port 0 is any port, unless there is another way in.
bool ShardListeners::IsWanted(const Door& door) const {
  const config::ShardConfig& config = state_.Config();
  if (WantedPort(door) != 0) return true;
  return !door.is_tls && config.tls_port == 0 && config.unixsocket.empty();
}

runtime::Result<bool> ShardListeners::Open() {
  tls_files_ = runtime::FileMarks(config::TlsFilesOf(state_.Config()));
  auto tls = config::OpenShardTls(state_.Config());
  if (!tls) return runtime::Fail("Failed to configure TLS: " + tls.error().text);
  state_.tls = *std::move(tls);
  if (auto opened = OpenDoor(plain_); !opened) return opened;
  if (auto opened = OpenDoor(tls_); !opened) return opened;
  if (auto opened = ListenOnUnixSocket(); !opened) return opened;
  if (plain_.listeners.empty() && tls_.listeners.empty() && !unix_listener_) {
    return runtime::Fail("bind and unixsocket are empty");
  }
  return true;
}

runtime::Result<bool> ShardListeners::OpenDoor(Door& door) {
  door.bind = state_.Config().bind;
  door.port = WantedPort(door);
  if (!IsWanted(door)) return true;
  for (const std::string& address : door.bind) {
    bool is_optional = address.starts_with('-');
    auto listening = ListenOn(door, is_optional ? address.substr(1) : address);
    if (!listening && !is_optional) return listening;
  }
  if (door.listeners.empty() && !door.bind.empty()) {
    return runtime::Fail("no address to listen on");
  }
  return true;
}

runtime::Result<bool> ShardListeners::ListenOn(Door& door, const std::string& bind_address) {
  std::string host = bind_address;
  if (host == "*") host = "0.0.0.0";
  if (host == "::*") host = "::";
  if (host == "localhost") host = "127.0.0.1";
  const bool is_chosen = !door.is_tls && state_.listening_port != 0;
  auto port = static_cast<std::uint16_t>(is_chosen ? state_.listening_port : door.port);
  auto address = runtime::SocketAddress::FromNumeric(host, port);
  if (!address) return tl::unexpected(address.error());
  runtime::Listener::Options options;
  options.backlog = static_cast<int>(state_.Config().tcp_backlog);
  auto listener = runtime::Listener::Listen(
      loop_, *address, options,
      [this, is_tls = door.is_tls](std::unique_ptr<runtime::Connection> connection) {
        is_tls ? AcceptTls(std::move(connection)) : on_client_(std::move(connection));
      });
  if (!listener) {
    return runtime::Fail("Failed listening on port " + std::to_string(port) + ", " +
                         address->ToString() + ": " + listener.error().text);
  }
  if (!door.is_tls && state_.listening_port == 0) {
    state_.listening_port = (*listener)->Address().Port();
  }
  door.listeners.push_back(std::move(*listener));
  return true;
}

runtime::Result<bool> ShardListeners::ListenOnUnixSocket() {
  const config::ShardConfig& config = state_.Config();
  if (config.unixsocket.empty()) return true;
  auto address = runtime::SocketAddress::FromPath(config::PathInDir(config, config.unixsocket));
  if (!address) return tl::unexpected(address.error());
  runtime::Listener::Options options;
  options.backlog = static_cast<int>(config.tcp_backlog);
  options.permissions = config.unixsocketperm;
  auto listener = runtime::Listener::Listen(
      loop_, *address, options, [this](std::unique_ptr<runtime::Connection> connection) {
        on_client_(std::move(connection));
      });
  if (!listener) return tl::unexpected(listener.error());
  unix_listener_ = std::move(*listener);
  return true;
}

void ShardListeners::AcceptTls(std::unique_ptr<runtime::Connection> connection) {
  // Who is too many cannot be told so before its handshake.
  const auto clients_max = static_cast<std::size_t>(state_.Config().maxclients);
  if (state_.clients.size() + entrance_.HandshakesNow() >= clients_max) {
    ++state_.stats.connections_rejected;
    return;
  }
  const runtime::TlsContext& context = *state_.tls.server;
  entrance_.Admit(std::move(connection), context, kHandshakeTimeoutMs,
                  std::make_unique<Visitor>(*this));
}

std::optional<std::string> ShardListeners::Move(Door& door, std::string_view error) {
  if (door.bind == state_.Config().bind && door.port == WantedPort(door)) return std::nullopt;
  const int port_before = state_.listening_port;
  const std::int64_t setting_before = door.port;
  // An address cannot be listened on twice, not even for a moment.
  door.listeners.clear();
  if (!door.is_tls && WantedPort(door) != setting_before) state_.listening_port = 0;
  if (OpenDoor(door)) return std::nullopt;
  door.listeners.clear();
  door.bind.clear();
  door.port = setting_before;
  state_.listening_port = port_before;
  return std::string(error);
}

std::optional<std::string> ShardListeners::ApplyTls() {
  tls_files_ = runtime::FileMarks(config::TlsFilesOf(state_.Config()));
  auto tls = config::OpenShardTls(state_.Config());
  if (!tls) {
    runtime::LogWarning("Failed to configure TLS: {}", tls.error().text);
    return "Unable to update TLS configuration. Check server logs.";
  }
  // Who listens for TLS has need of a context.
  if (tls->server != nullptr || tls_.listeners.empty()) state_.tls = *std::move(tls);
  return std::nullopt;
}

void ShardListeners::LookAtFiles() {
  if (!tls_files_.HaveChanged()) return;
  auto tls = config::OpenShardTls(state_.Config());
  if (!tls) {
    return runtime::LogWarning("TLS: files have changed, but what was there before stays: {}",
                               tls.error().text);
  }
  state_.tls = *std::move(tls);
  runtime::LogInfo("TLS: files have changed and are taken over");
}

void ShardListeners::ConnectSettings() {
  static constexpr std::string_view kTls[] = {
      "tls-cluster",          "tls-replication",        "tls-auth-clients",
      "tls-ca-cert-dir",      "tls-ca-cert-file",       "tls-cert-file",
      "tls-ciphers",          "tls-ciphersuites",       "tls-client-cert-file",
      "tls-client-key-file",  "tls-client-key-file-pass", "tls-key-file",
      "tls-key-file-pass",    "tls-prefer-server-ciphers", "tls-protocols",
      "tls-session-cache-size", "tls-session-cache-timeout", "tls-session-caching",
      "tls-port"};
  state_.settings.OnSet(kTls, [this](const config::ShardConfig&) { return ApplyTls(); });
  static constexpr std::string_view kPort[] = {"port"};
  state_.settings.OnSet(kPort,
                        [this](const config::ShardConfig&) { return Move(plain_, kCannotListen); });
  static constexpr std::string_view kTlsPort[] = {"tls-port"};
  state_.settings.OnSet(kTlsPort,
                        [this](const config::ShardConfig&) { return Move(tls_, kCannotListen); });
  static constexpr std::string_view kBind[] = {"bind"};
  state_.settings.OnSet(kBind, [this](const config::ShardConfig&) {
    constexpr std::string_view kCannotBind = "Failed to bind to specified addresses.";
    auto problem = Move(plain_, kCannotBind);
    return problem ? problem : Move(tls_, kCannotBind);
  });
}

}  // namespace slotway::storage
