// SPDX-License-Identifier: Apache-2.0
// Asks one node some questions on a connection of its own: what topology and tools need.
//
// Belongs to its loop's thread. Bounded in time; destroying it gives the questions up.
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

// Commands with their arguments, sent in one piece.
using Questions = std::vector<std::vector<std::string>>;

class ControlQuery final : private runtime::Connection::Handler {
 public:
  // Called once, never from within the constructor; may destroy the query. The answers in the
  // order of the questions; an error reply to any of them is an error.
  using Answers = std::vector<protocol::RespValue>;
  using OnAnswers = std::function<void(runtime::Result<Answers>)>;

  ControlQuery(runtime::EventLoop& loop, const runtime::SocketAddress& node,
               const BackendLogin& login, const Questions& questions, std::uint64_t timeout_ms,
               OnAnswers on_answers);
  ~ControlQuery() override;

 private:
  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override { OnClosed("the node closed the connection"); }
  void OnClosed(std::string_view reason) override;
  void Finish(runtime::Result<Answers> answers);

  std::unique_ptr<runtime::Connection> connection_;
  runtime::Timer timeout_;
  protocol::RespReplyScanner scanner_;
  OnAnswers on_answers_;
  Answers answers_;
  std::size_t questions_left_;
  LoginReplies logins_;
};

}  // namespace slotway::proxy
