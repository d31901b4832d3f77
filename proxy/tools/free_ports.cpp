// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/free_ports.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/socket_address.h"

namespace slotway::proxy {
namespace {

using runtime::Fail;
using runtime::Result;
using runtime::SocketAddress;

constexpr int kBusPortOffset = 10000;
constexpr int kTriesPerPort = 64;
constexpr char kLoopback[] = "127.0.0.1";

// Listens on the port for a moment; answers the port it was (the kernel's choice for 0).
Result<std::uint16_t> TryPort(const std::string& host, std::uint16_t port) {
  auto address = SocketAddress::FromNumeric(host, port);
  if (!address) return tl::unexpected(address.error());
  int fd = socket(address->Family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Fail(std::string("cannot make a socket: ") + std::strerror(errno));
  // Connections of the past that the kernel still remembers are not in the way; listeners are.
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  bool is_free = bind(fd, address->Native(), address->NativeSize()) == 0 && listen(fd, 1) == 0 &&
                 getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0;
  int error = errno;
  close(fd);
  if (is_free) return SocketAddress::FromNative(reinterpret_cast<sockaddr*>(&bound)).Port();
  if (error == EADDRINUSE)
    return Fail("port " + std::to_string(port) + " of " + host + " is already in use");
  return Fail("cannot listen on " + address->ToString() + ": " + std::strerror(error));
}

bool IsFreeForShard(std::uint16_t port) {
  return port <= 65535 - kBusPortOffset && TryPort(kLoopback, port) &&
         TryPort(kLoopback, static_cast<std::uint16_t>(port + kBusPortOffset));
}

}  // namespace

Result<void> CheckPortIsFree(const std::string& address, std::uint16_t port) {
  Result<std::uint16_t> tried = TryPort(address, port);
  if (!tried) return tl::unexpected(tried.error());
  return {};
}

Result<std::uint16_t> FindFreePort(const std::string& address) { return TryPort(address, 0); }

Result<std::vector<std::uint16_t>> FindShardPorts(std::size_t count, std::uint16_t base_port) {
  std::vector<std::uint16_t> ports;
  if (base_port != 0) {
    for (std::size_t i = 0; i < count; ++i) {
      auto port = static_cast<std::uint16_t>(base_port + i);
      if (!IsFreeForShard(port)) {
        return Fail("port " + std::to_string(port) + " of 127.0.0.1, or " +
                    std::to_string(port + kBusPortOffset) +
                    " for its cluster bus, is already in use or too high");
      }
      ports.push_back(port);
    }
    return ports;
  }
  for (std::size_t tries = 0; ports.size() < count && tries < count * kTriesPerPort; ++tries) {
    Result<std::uint16_t> any = FindFreePort(kLoopback);
    if (!any) return tl::unexpected(any.error());
    // The kernel's choices lie high; their bus port would often be beyond the last port.
    auto port =
        static_cast<std::uint16_t>(*any > 65535 - kBusPortOffset ? *any - kBusPortOffset : *any);
    if (std::find(ports.begin(), ports.end(), port) == ports.end() && IsFreeForShard(port)) {
      ports.push_back(port);
    }
  }
  if (ports.size() < count) return Fail("not enough free ports on 127.0.0.1");
  return ports;
}

}  // namespace slotway::proxy
