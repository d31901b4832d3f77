// SPDX-License-Identifier: Apache-2.0
// Who the proxy says it is to a node, and how it says so on a connection without HELLO.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_writer.h"
#include "runtime/byte_queue.h"

namespace slotway::proxy {

struct BackendLogin {
  std::string username;
  std::string password;
  std::uint64_t connect_timeout_ms = 1000;
};

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
