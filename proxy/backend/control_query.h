// SPDX-License-Identifier: Apache-2.0
// Asks one node one question on a connection of its own: what topology and tools need.
//
// Belongs to its loop's thread. Bounded in time; destroying it gives the question up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_reply_scanner.h"
#include "protocol/resp_reply_value.h"
#include "proxy/backend/backend_connection.h"
#include "runtime/connection.h"
#include "runtime/result.h"

namespace slotway::proxy {

class ControlQuery final : private runtime::Connection::Handler {
 public:
  // Called once, never from within the constructor; may destroy the query.
  using OnAnswer = std::function<void(runtime::Result<protocol::RespValue>)>;

  ControlQuery(runtime::EventLoop& loop, const runtime::SocketAddress& node,
               const BackendLogin& login, std::vector<std::string> args, std::uint64_t timeout_ms,
               OnAnswer on_answer);
  ~ControlQuery() override;

 private:
  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override { OnClosed("the node closed the connection"); }
  void OnClosed(std::string_view reason) override;
  void Finish(runtime::Result<protocol::RespValue> answer);

  std::unique_ptr<runtime::Connection> connection_;
  runtime::Timer timeout_;
  protocol::RespReplyScanner scanner_;
  OnAnswer on_answer_;
  bool awaits_login_ = false;
};

}  // namespace slotway::proxy
