// SPDX-License-Identifier: Apache-2.0
// A listening socket on one loop. Several loops may listen on one address: the kernel spreads the
// connections (SO_REUSEPORT). Belongs to its loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <uv.h>

#include "runtime/connection.h"
#include "runtime/event_loop.h"
#include "runtime/result.h"
#include "runtime/socket_address.h"

namespace slotway::runtime {

class Listener {
 public:
  using OnAccept = std::function<void(std::unique_ptr<Connection>)>;

  struct Options {
    int backlog = 511;
    bool shares_port = false;  // SO_REUSEPORT
  };

  // Binds and listens. Port 0 takes a free port: see Address().
  static Result<std::unique_ptr<Listener>> Listen(EventLoop& loop, const SocketAddress& address,
                                                  const Options& options, OnAccept on_accept);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  SocketAddress Address() const;

 private:
  struct Handle;
  explicit Listener(Handle* handle) : handle_(handle) {}
  Handle* handle_;  // freed in its close callback
};

}  // namespace slotway::runtime
