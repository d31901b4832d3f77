// SPDX-License-Identifier: Apache-2.0
// Listens to one sentinel for the news that the master was switched.
//
// Only a hint for speed: who hears it asks all sentinels. A broken connection is opened again with
// the next Care(). Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/resp_reply_scanner.h"
#include "proxy/backend/backend_connection.h"
#include "runtime/connection.h"

namespace slotway::proxy {

class SentinelWatch final : private runtime::Connection::Handler {
 public:
  SentinelWatch(runtime::EventLoop& loop, const runtime::SocketAddress& sentinel,
                BackendLogin login, std::string master_name, std::function<void()> on_switch);
  ~SentinelWatch() override;

  const runtime::SocketAddress& Address() const { return address_; }
  // Connects if it is not connected, and asks for a sign of life otherwise. A connection that gave
  // none since the last call is dropped.
  void Care();

 private:
  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override { Drop(); }
  void OnClosed(std::string_view) override { Drop(); }
  void Send(std::initializer_list<std::string_view> args);
  void Connect();
  void Drop();

  runtime::EventLoop& loop_;
  runtime::SocketAddress address_;
  BackendLogin login_;
  std::string master_name_;
  std::function<void()> on_switch_;
  std::unique_ptr<runtime::Connection> connection_;
  protocol::RespReplyScanner scanner_;
  bool has_answered_ = false;  // since the last Care()
};

}  // namespace slotway::proxy
