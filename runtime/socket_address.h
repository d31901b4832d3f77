// SPDX-License-Identifier: Apache-2.0
// A numeric internet address and port, as sockets take it. A value; any thread.
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
  static SocketAddress FromNative(const sockaddr* address);

  const sockaddr* Native() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t NativeSize() const;
  int Family() const { return storage_.ss_family; }

  std::string Host() const;  // without port, IPv6 without brackets
  std::uint16_t Port() const;
  void SetPort(std::uint16_t port);
  std::string ToString() const;  // "127.0.0.1:6379", "[::1]:6379"

  bool operator==(const SocketAddress& other) const {
    return Host() == other.Host() && Port() == other.Port();
  }

 private:
  sockaddr_storage storage_{};
};

}  // namespace slotway::runtime
