// SPDX-License-Identifier: Apache-2.0
#include "runtime/acceptor.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <utility>

#include "runtime/log.h"

namespace slotway::runtime {
namespace {

constexpr int kAcceptsPerEvent = 64;
constexpr std::uint64_t kExhaustedPauseMs = 100;

// Which file a path names: another process may have put its own there since.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

FileIdentity IdentityOf(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

tl::unexpected<Error> FailToBind(const SocketAddress& address, int error) {
  return Fail("cannot bind " + address.ToString() + ": " + std::strerror(error));
}

// Removes the socket that a process which has ended left behind.
Result<void> ClearPath(const SocketAddress& address) {
  struct stat status {};
  std::string path = address.Host();
  if (lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return FailToBind(address, EEXIST);
  OwnedFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  bool is_refused = connect(probe.Number(), address.Native(), address.NativeSize()) != 0 &&
                    errno == ECONNREFUSED;
  if (!is_refused) return FailToBind(address, EADDRINUSE);
  unlink(path.c_str());
  return {};
}

Result<OwnedFd> ListeningSocket(const SocketAddress& address,
                                       const Acceptor::Options& options) {
  OwnedFd fd(socket(address.Family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.IsOpen()) return Fail(std::string("socket: ") + std::strerror(errno));
  int on = 1;
  if (address.IsUnix()) {
    if (auto cleared = ClearPath(address); !cleared) return tl::unexpected(cleared.error());
  } else {
    setsockopt(fd.Number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (address.Family() == AF_INET6) {
    setsockopt(fd.Number(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (bind(fd.Number(), address.Native(), address.NativeSize()) != 0) {
    return FailToBind(address, errno);
  }
  // Before it listens, so that nobody slips in.
  if (address.IsUnix() && options.permissions != 0 &&
      chmod(address.Host().c_str(), options.permissions) != 0) {
    return FailToBind(address, errno);
  }
  if (listen(fd.Number(), options.backlog) != 0) {
    return Fail("cannot listen on " + address.ToString() + ": " + std::strerror(errno));
  }
  return fd;
}

}  // namespace

struct Acceptor::Handle {
  Handle(EventLoop& loop, OwnedFd listening, OnAccept callback)
      : fd(std::move(listening)), on_accept(std::move(callback)), pause(loop) {}

  void Watch() {
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* ready, int status, int) {
      if (status == 0) static_cast<Handle*>(ready->data)->AcceptSome(kAcceptsPerEvent);
    });
  }

  void AcceptSome(int count_max) {
    for (int i = 0; i < count_max && !is_closing; ++i) {
      OwnedFd accepted(
          accept4(fd.Number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (accepted.IsOpen()) {
        is_exhausted = false;
        on_accept(std::move(accepted));
      } else if (errno != EINTR && errno != ECONNABORTED) {
        if (errno != EAGAIN) Rest(errno);
        return;
      }
    }
  }

  // The client stays in the backlog; asking again at once would only burn time.
  void Rest(int error) {
    if (!is_exhausted) LogWarning("cannot accept clients: {}", std::strerror(error));
    is_exhausted = true;
    uv_poll_stop(&poll);
    pause.Start(kExhaustedPauseMs, 0, [this] { Watch(); });
  }

  uv_poll_t poll;
  OwnedFd fd;
  OnAccept on_accept;
  Timer pause;
  FileIdentity file;  // of a Unix socket
  int backlog = 0;
  bool is_exhausted = false;
  bool is_closing = false;
};

Result<std::unique_ptr<Acceptor>> Acceptor::Listen(EventLoop& loop, const SocketAddress& address,
                                                   const Options& options, OnAccept on_accept) {
  auto fd = ListeningSocket(address, options);
  if (!fd) return tl::unexpected(fd.error());
  SocketAddress bound = address.IsUnix() ? address : SocketAddress::LocalOf(fd->Number());
  auto* handle = new Handle(loop, *std::move(fd), std::move(on_accept));
  handle->poll.data = handle;
  handle->backlog = options.backlog;
  uv_poll_init(loop.Uv(), &handle->poll, handle->fd.Number());
  if (address.IsUnix()) handle->file = IdentityOf(address.Host());
  handle->Watch();
  return std::unique_ptr<Acceptor>(new Acceptor(handle, bound));
}

// The kernel lets one more wait than it was told.
void Acceptor::AcceptWaiting() { handle_->AcceptSome(handle_->backlog + 1); }

void Acceptor::SetPermissions(std::uint32_t permissions) {
  if (address_.IsUnix() && chmod(address_.Host().c_str(), permissions) != 0) {
    LogWarning("{}: permissions stay: {}", address_.Host(), std::strerror(errno));
  }
}

Acceptor::~Acceptor() {
  if (address_.IsUnix() && IdentityOf(address_.Host()) == handle_->file) {
    unlink(address_.Host().c_str());
  }
  handle_->is_closing = true;
  handle_->pause.Stop();
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll),
           [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
  handle_->fd = OwnedFd();  // at once: nobody is let in while the handle waits to be freed
}

}  // namespace slotway::runtime
