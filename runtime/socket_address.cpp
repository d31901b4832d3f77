// SPDX-License-Identifier: Apache-2.0
#include "runtime/socket_address.h"

#include <arpa/inet.h>
#include <cstring>
#include <sys/un.h>

namespace slotway::runtime {

Result<SocketAddress> SocketAddress::FromNumeric(std::string_view host, std::uint16_t port) {
  std::string text(host);
  SocketAddress result;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage_);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage_);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
  } else if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
  } else {
    return Fail("'" + text + "' is not a numeric address");
  }
  result.SetPort(port);
  return result;
}

Result<SocketAddress> SocketAddress::FromPath(std::string_view path) {
  SocketAddress result;
  auto* unix_address = reinterpret_cast<sockaddr_un*>(&result.storage_);
  if (path.empty() || path.size() >= sizeof unix_address->sun_path) {
    return Fail("'" + std::string(path) + "' is no path for a socket");
  }
  unix_address->sun_family = AF_UNIX;
  std::memcpy(unix_address->sun_path, path.data(), path.size());
  return result;
}

SocketAddress SocketAddress::LocalOf(int socket) {
  SocketAddress result;
  socklen_t size = sizeof result.storage_;
  getsockname(socket, reinterpret_cast<sockaddr*>(&result.storage_), &size);
  return result;
}

SocketAddress SocketAddress::PeerOf(int socket) {
  SocketAddress result;
  socklen_t size = sizeof result.storage_;
  getpeername(socket, reinterpret_cast<sockaddr*>(&result.storage_), &size);
  return result.IsUnix() ? LocalOf(socket) : result;
}

SocketAddress SocketAddress::FromNative(const sockaddr* address) {
  SocketAddress result;
  if (address->sa_family == AF_INET) std::memcpy(&result.storage_, address, sizeof(sockaddr_in));
  if (address->sa_family == AF_INET6) std::memcpy(&result.storage_, address, sizeof(sockaddr_in6));
  if (address->sa_family == AF_UNIX) std::memcpy(&result.storage_, address, sizeof(sockaddr_un));
  return result;
}

socklen_t SocketAddress::NativeSize() const {
  if (IsUnix()) return sizeof(sockaddr_un);
  return Family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

std::string SocketAddress::Host() const {
  if (IsUnix()) return reinterpret_cast<const sockaddr_un*>(&storage_)->sun_path;
  char text[INET6_ADDRSTRLEN] = "";
  if (Family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage_);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  } else if (Family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage_);
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
  }
  return text;
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  if (Family() != other.Family()) return false;
  if (IsUnix()) return Host() == other.Host();
  if (Family() == AF_INET6) {
    const auto& own = reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr;
    const auto& its = reinterpret_cast<const sockaddr_in6*>(&other.storage_)->sin6_addr;
    return Port() == other.Port() && std::memcmp(&own, &its, sizeof own) == 0;
  }
  return reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr.s_addr ==
             reinterpret_cast<const sockaddr_in*>(&other.storage_)->sin_addr.s_addr &&
         Port() == other.Port();
}

std::uint16_t SocketAddress::Port() const {
  if (IsUnix()) return 0;
  // The port stands at the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
}

void SocketAddress::SetPort(std::uint16_t port) {
  reinterpret_cast<sockaddr_in*>(&storage_)->sin_port = htons(port);
}

std::string SocketAddress::ToString() const {
  std::string port = std::to_string(Port());
  return Family() == AF_INET6 ? "[" + Host() + "]:" + port : Host() + ":" + port;
}

}  // namespace slotway::runtime
