// SPDX-License-Identifier: Apache-2.0
// A listening socket, of the internet or in the file system, that gives away what it accepts.
//
// Whoever takes a descriptor may serve it on any loop: see Connection::Adopt(). While the process
// is out of descriptors, clients wait in the backlog. Belongs to its loop's thread; may be
// destroyed in its own callback.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <uv.h>

#include "runtime/event_loop.h"
#include "runtime/owned_fd.h"
#include "runtime/result.h"
#include "runtime/socket_address.h"

namespace slotway::runtime {

class Acceptor {
 public:
  using OnAccept = std::function<void(OwnedFd)>;

  struct Options {
    int backlog = 511;
    std::uint32_t permissions = 0700;  // of a Unix socket; 0: what the umask leaves
  };

  // Binds and listens. Port 0 takes a free port: see Address(). A Unix socket that nobody listens
  // on any more is replaced; it is removed again in the end.
  static Result<std::unique_ptr<Acceptor>> Listen(EventLoop& loop, const SocketAddress& address,
                                                  const Options& options, OnAccept on_accept);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  const SocketAddress& Address() const { return address_; }
  // Accepts who has connected already, as far as the backlog goes: whoever waits there when the
  // socket is closed is told that nobody has ever listened.
  void AcceptWaiting();
  // Of a Unix socket.
  void SetPermissions(std::uint32_t permissions);

 private:
  struct Handle;
  Acceptor(Handle* handle, const SocketAddress& address) : handle_(handle), address_(address) {}

  Handle* handle_;  // freed in its close callback
  SocketAddress address_;
};

}  // namespace slotway::runtime
