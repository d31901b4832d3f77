// SPDX-License-Identifier: Apache-2.0
// CLUSTER FAILOVER, said to a replica as one of its clients, with this server's masterauth.
//
// Engine thread. One question; destroying it gives it up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/connection.h"
#include "runtime/event_loop.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class TakeoverRequest final : private runtime::Connection::Handler {
 public:
  // Calls `on_answer` once, never from within this call, with what went wrong, or nothing. It may
  // destroy this object.
  TakeoverRequest(runtime::EventLoop& loop, const ServerState& server,
                  const std::string& ip, std::uint16_t port, bool is_forced,
                  std::function<void(std::string_view error)> on_answer);
  ~TakeoverRequest() override;

 private:
  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override { End("it closed the connection"); }
  void OnClosed(std::string_view reason) override { End(reason); }
  void End(std::string_view error);

  runtime::EventLoop& loop_;
  std::unique_ptr<runtime::Connection> connection_;
  runtime::Timer timer_;
  int answers_due_ = 0;
  std::function<void(std::string_view error)> on_answer_;
};

}  // namespace slotway::storage
