// SPDX-License-Identifier: Apache-2.0
// Who the proxy says it is to a node, and how it says so on a connection without HELLO.
#pragma once

#include <cstddef>
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
  std::string previous_password = {};  // of before a rotation: shards may know it still; empty: none
};

inline BackendLogin LoginOf(const config::BackendConfig& settings) {
  return {settings.username, settings.password, settings.connect_timeout_ms,
          NodeTlsOf(settings.tls), settings.previous_password};
}

// Where protocol::WriteRequest() writes to, for a connection's output.
struct QueueSink {
  runtime::ByteQueue& queue;
  void Append(std::string_view bytes) { queue.Append(bytes); }
};

// AUTH with the login's name, or as the default user.
inline std::vector<std::string_view> AuthWords(const BackendLogin& login, std::string_view password) {
  if (login.username.empty()) return {"AUTH", password};
  return {"AUTH", login.username, password};
}

// Appends AUTH for each password there is: a refused one changes nothing, so it is enough that one of
// them is right, and nobody has to wait for the answer. How many that are; 0: there is nothing to say.
inline std::size_t WriteAuth(runtime::ByteQueue& output, const BackendLogin& login) {
  if (login.password.empty()) return 0;
  QueueSink sink{output};
  std::size_t count = 0;
  for (const std::string* password : {&login.previous_password, &login.password}) {
    if (password->empty()) continue;
    const std::vector<std::string_view> words = AuthWords(login, *password);
    protocol::WriteRequest(sink, std::span<const std::string_view>(words));
    ++count;
  }
  return count;
}

// What is still to be heard of them.
class LoginReplies {
 public:
  void Expect(std::size_t count) {
    left_ = count;
    is_in_ = false;
  }
  bool AreDue() const { return left_ > 0; }
  // False if all have been refused. REQUIRES: AreDue().
  bool Take(bool is_error) {
    is_in_ = is_in_ || !is_error;
    return --left_ > 0 || is_in_;
  }

 private:
  std::size_t left_ = 0;
  bool is_in_ = false;
};

}  // namespace slotway::proxy
