// SPDX-License-Identifier: Apache-2.0
// Who the proxy says it is to a node, and how it says so on a connection without HELLO.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/backend_config.h"
#include "protocol/resp_writer.h"
#include "runtime/byte_queue.h"
#include "runtime/socket_address.h"
#include "runtime/tls_stream.h"

namespace slotway::proxy {

// How to speak TLS with nodes; without a context: not at all.
struct NodeTls {
  // shared: by all connections; a reload makes a new one.
  std::shared_ptr<const runtime::TlsContext> context = nullptr;
  runtime::TlsStream::Verify verify = runtime::TlsStream::Verify::kAuthority;
  std::string server_name = {};

  // For a new connection; nullptr if it is to be plain.
  std::unique_ptr<runtime::TlsStream> StreamTo(const runtime::SocketAddress& node) const {
    if (context == nullptr) return nullptr;
    return runtime::TlsStream::ForClient(*context, server_name.empty() ? node.Host() : server_name,
                                         verify);
  }
};

inline NodeTls NodeTlsOf(const config::BackendTls& tls) {
  return {tls.opened.context, tls.verify, tls.server_name};
}

struct BackendLogin {
  std::string username;
  std::string password;
  std::uint64_t connect_timeout_ms = 1000;
  NodeTls tls = {};
};

inline BackendLogin LoginOf(const config::BackendConfig& settings) {
  return {settings.username, settings.password, settings.connect_timeout_ms,
          NodeTlsOf(settings.tls)};
}

// Where protocol::WriteRequest() writes to, for a connection's output.
struct QueueSink {
  runtime::ByteQueue& queue;
  void Append(std::string_view bytes) { queue.Append(bytes); }
};

// Appends AUTH. False if no password is set: there is nothing to say then.
inline bool WriteAuth(runtime::ByteQueue& output, const BackendLogin& login) {
  if (login.password.empty()) return false;
  std::vector<std::string_view> auth = {"AUTH"};
  if (!login.username.empty()) auth.push_back(login.username);
  auth.push_back(login.password);
  QueueSink sink{output};
  protocol::WriteRequest(sink, std::span<const std::string_view>(auth));
  return true;
}

}  // namespace slotway::proxy
