// SPDX-License-Identifier: Apache-2.0
// A listening socket whose connections live on the loop that it listens on. Belongs to its loop's
// thread.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "runtime/acceptor.h"
#include "runtime/connection.h"
#include "runtime/event_loop.h"
#include "runtime/result.h"
#include "runtime/socket_address.h"

namespace slotway::runtime {

class Listener {
 public:
  using OnAccept = std::function<void(std::unique_ptr<Connection>)>;

  using Options = Acceptor::Options;

  // Binds and listens. Port 0 takes a free port: see Address().
  static Result<std::unique_ptr<Listener>> Listen(EventLoop& loop, const SocketAddress& address,
                                                  const Options& options, OnAccept on_accept);

  SocketAddress Address() const { return acceptor_->Address(); }

 private:
  explicit Listener(std::unique_ptr<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {}

  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace slotway::runtime
