// SPDX-License-Identifier: Apache-2.0
// Asks a shard once whether it serves: connects, AUTH, PING, CLUSTER INFO, and tells the outcome.
//
// Belongs to its loop's thread. Destroying it cancels it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "protocol/resp_reply_scanner.h"
#include "runtime/connection.h"
#include "runtime/event_loop.h"

namespace slotway::proxy {

class ReadinessProbe : private runtime::Connection::Handler {
 public:
  // An empty problem means ready. Called once, never inside the constructor; may destroy the
  // probe.
  using OnOutcome = std::function<void(const std::string& problem)>;

  ReadinessProbe(runtime::EventLoop& loop, std::uint16_t port, std::string password,
                 OnOutcome on_outcome);
  ~ReadinessProbe() override;

 private:
  static constexpr std::uint64_t kTimeoutMs = 2000;

  void OnConnected() override;
  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override { Tell("the shard closed the connection"); }
  void OnClosed(std::string_view reason) override { Tell(std::string(reason)); }
  // What is wrong with the next reply; empty if it is the one wanted.
  std::string Check(std::string_view reply);
  void Tell(const std::string& problem);

  std::string password_;
  OnOutcome on_outcome_;
  protocol::RespReplyScanner scanner_;
  int replies_ = 0;
  runtime::Timer timeout_;
  std::unique_ptr<runtime::Connection> connection_;
};

}  // namespace slotway::proxy
