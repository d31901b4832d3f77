// SPDX-License-Identifier: Apache-2.0
// A numeric internet address and port, or the path of a Unix socket, as sockets take it. A value;
// any thread.
#pragma once

#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "runtime/result.h"

namespace slotway::runtime {

class SocketAddress {
 public:
  SocketAddress() = default;

  // `host` is a numeric IPv4 or IPv6 address (names go through the resolver).
  static Result<SocketAddress> FromNumeric(std::string_view host, std::uint16_t port);
  // At most 107 bytes, so that the system takes it.
  static Result<SocketAddress> FromPath(std::string_view path);
  static SocketAddress FromNative(const sockaddr* address);
  // Of a socket's own end and of the other one. The clients of a Unix socket have no address: they
  // are told apart by nothing, and PeerOf() is where they connected to.
  static SocketAddress LocalOf(int socket);
  static SocketAddress PeerOf(int socket);

  const sockaddr* Native() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t NativeSize() const;
  int Family() const { return storage_.ss_family; }
  bool IsUnix() const { return Family() == AF_UNIX; }

  std::string Host() const;  // without port, IPv6 without brackets; the path of a Unix socket
  std::uint16_t Port() const;  // 0 for a Unix socket
  void SetPort(std::uint16_t port);
  std::string ToString() const;  // "127.0.0.1:6379", "[::1]:6379", "/run/slotway.sock:0"

  // Not by its texts: connections are looked for by their address.
  bool operator==(const SocketAddress& other) const;

 private:
  sockaddr_storage storage_{};
};

}  // namespace slotway::runtime
