// SPDX-License-Identifier: Apache-2.0
// A lasting connection to one node for the proxy's own questions, asked again and again.
//
// Logs in, hands every further reply to its owner, and stays down after a failure until the owner
// connects it again. Belongs to its loop's thread.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "protocol/resp_reply_scanner.h"
#include "protocol/resp_reply_value.h"
#include "proxy/backend/backend_login.h"
#include "runtime/connection.h"

namespace slotway::proxy {

class NodeLink : private runtime::Connection::Handler {
 public:
  // Asked for at every connect: a reload may change it.
  using Login = std::function<BackendLogin()>;
  // A reply that is longer than `reply_bytes_max` ends the connection.
  NodeLink(runtime::EventLoop& loop, const runtime::SocketAddress& address, Login login,
           std::size_t reply_bytes_max = 64 * 1024)
      : loop_(loop), address_(address), login_(std::move(login)), reply_bytes_max_(reply_bytes_max) {}
  ~NodeLink() override = default;

  const runtime::SocketAddress& Address() const { return address_; }

 protected:
  // A reply to what was sent, or a push. Not the login's.
  virtual void OnReply(const protocol::RespValue& reply) = 0;
  // The connection has ended, or the login was refused.
  virtual void OnDropped() {}

  bool IsUp() const { return connection_ != nullptr; }
  // REQUIRES: !IsUp(). What is sent meanwhile waits until it is connected.
  void Connect();
  // REQUIRES: IsUp().
  void Send(std::initializer_list<std::string_view> args);
  // Ends the connection, without telling the owner.
  void Drop();
  runtime::EventLoop& Loop() const { return loop_; }

 private:
  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override { Fail(); }
  void OnClosed(std::string_view) override { Fail(); }
  void Fail();

  runtime::EventLoop& loop_;
  runtime::SocketAddress address_;
  Login login_;
  std::size_t reply_bytes_max_;
  std::unique_ptr<runtime::Connection> connection_;
  protocol::RespReplyScanner scanner_;
  LoginReplies logins_;
};

}  // namespace slotway::proxy
