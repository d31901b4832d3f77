// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/free_ports.h"

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
// Ports that systems do not hand out to outgoing connections: a shard that is started again finds
// its port free. The same holds for the bus ports 10000 above.
constexpr std::uint16_t kFirstPort = 10000;
constexpr std::uint16_t kLastPort = 22000;
constexpr int kTriesMax = 1000;
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
  return TryPort(kLoopback, port) &&
         TryPort(kLoopback, static_cast<std::uint16_t>(port + kBusPortOffset));
}

Result<std::vector<std::uint16_t>> PortsFrom(std::uint16_t base_port, std::size_t count) {
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t port = base_port + i;
    if (port > 65535 - kBusPortOffset || !IsFreeForShard(static_cast<std::uint16_t>(port))) {
      return Fail("port " + std::to_string(port) + " of 127.0.0.1, or " +
                  std::to_string(port + kBusPortOffset) +
                  " for its cluster bus, is already in use or too high");
    }
    ports.push_back(static_cast<std::uint16_t>(port));
  }
  return ports;
}

}  // namespace

Result<void> CheckPortIsFree(const std::string& address, std::uint16_t port) {
  Result<std::uint16_t> tried = TryPort(address, port);
  if (!tried) return tl::unexpected(tried.error());
  return {};
}

Result<std::uint16_t> FindFreePort(const std::string& address) { return TryPort(address, 0); }

Result<std::vector<std::uint16_t>> FindShardPorts(std::size_t count, std::uint16_t base_port,
                                                  runtime::Random& random) {
  if (base_port != 0) return PortsFrom(base_port, count);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    auto base = static_cast<std::uint16_t>(kFirstPort + random.Below(kLastPort - kFirstPort));
    if (auto ports = PortsFrom(base, count)) return ports;
  }
  return Fail("found no " + std::to_string(count) + " free ports in a row on 127.0.0.1");
}

}  // namespace slotway::proxy
