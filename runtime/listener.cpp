// SPDX-License-Identifier: Apache-2.0
#include "runtime/listener.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace slotway::runtime {

struct Listener::Handle {
  uv_tcp_t tcp;
  EventLoop* loop;
  OnAccept on_accept;
};

namespace {

// libuv of Debian 12 cannot set SO_REUSEPORT, so the socket is made here.
Result<int> BoundSocket(const SocketAddress& address, bool shares_port) {
  int fd = socket(address.Family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Fail(std::string("socket: ") + std::strerror(errno));
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shares_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address.Family() == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd, address.Native(), address.NativeSize()) != 0) {
    int error = errno;
    close(fd);
    return Fail("cannot bind " + address.ToString() + ": " + std::strerror(error));
  }
  return fd;
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Listen(EventLoop& loop, const SocketAddress& address,
                                                   const Options& options, OnAccept on_accept) {
  Result<int> fd = BoundSocket(address, options.shares_port);
  if (!fd) return tl::unexpected<Error>(fd.error());
  auto* handle = new Handle{{}, &loop, std::move(on_accept)};
  uv_tcp_init(loop.Uv(), &handle->tcp);
  handle->tcp.data = handle;
  std::unique_ptr<Listener> listener(new Listener(handle));
  int error = uv_tcp_open(&handle->tcp, *fd);
  if (error != 0) {
    close(*fd);
    return Fail(uv_strerror(error));
  }
  error = uv_listen(reinterpret_cast<uv_stream_t*>(&handle->tcp), options.backlog,
                    [](uv_stream_t* stream, int status) {
                      if (status != 0) return;  // out of descriptors: libuv tries again
                      auto* self = static_cast<Handle*>(stream->data);
                      auto accepted =
                          Connection::Accepted(*self->loop, stream, FlushStage::kDownstream);
                      if (accepted) self->on_accept(std::move(*accepted));
                    });
  if (error != 0) return Fail("cannot listen on " + address.ToString() + ": " + uv_strerror(error));
  return listener;
}

Listener::~Listener() {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->tcp),
           [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
}

SocketAddress Listener::Address() const {
  sockaddr_storage storage{};
  int size = sizeof storage;
  uv_tcp_getsockname(&handle_->tcp, reinterpret_cast<sockaddr*>(&storage), &size);
  return SocketAddress::FromNative(reinterpret_cast<sockaddr*>(&storage));
}

}  // namespace slotway::runtime
