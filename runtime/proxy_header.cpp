// SPDX-License-Identifier: Apache-2.0
#include "runtime/proxy_header.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <optional>

namespace slotway::runtime {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedBytes = 16;
constexpr std::uint8_t kVersionAndLocal = 0x20;
constexpr std::uint8_t kVersionAndProxy = 0x21;
constexpr std::uint8_t kUnspecified = 0x00;
constexpr std::uint8_t kTcpOverIpv4 = 0x11;
constexpr std::uint8_t kTcpOverIpv6 = 0x21;
constexpr std::uint8_t kUnixStream = 0x31;

std::uint8_t ByteAt(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

std::size_t LengthAt(std::string_view bytes, std::size_t index) {
  return static_cast<std::size_t>(ByteAt(bytes, index)) << 8 | ByteAt(bytes, index + 1);
}

// How many bytes the two ends take; nothing for a family or transport that is none of ours.
std::optional<std::size_t> AddressBytes(std::uint8_t family_and_transport) {
  switch (family_and_transport) {
    case kUnspecified:
      return 0;
    case kTcpOverIpv4:
      return 2 * (4 + 2);
    case kTcpOverIpv6:
      return 2 * (16 + 2);
    case kUnixStream:
      return 2 * 108;
    default:
      return std::nullopt;
  }
}

// Type, length in two bytes, value; up to the end.
bool AreWholeTlvs(std::string_view tlvs) {
  while (!tlvs.empty()) {
    if (tlvs.size() < 3) return false;
    std::size_t size = 3 + LengthAt(tlvs, 1);
    if (size > tlvs.size()) return false;
    tlvs.remove_prefix(size);
  }
  return true;
}

SocketAddress Ipv4At(const char* address, const char* port) {
  sockaddr_in native{};
  native.sin_family = AF_INET;
  std::memcpy(&native.sin_addr, address, sizeof native.sin_addr);
  std::memcpy(&native.sin_port, port, sizeof native.sin_port);
  return SocketAddress::FromNative(reinterpret_cast<sockaddr*>(&native));
}

SocketAddress Ipv6At(const char* address, const char* port) {
  sockaddr_in6 native{};
  native.sin6_family = AF_INET6;
  std::memcpy(&native.sin6_addr, address, sizeof native.sin6_addr);
  std::memcpy(&native.sin6_port, port, sizeof native.sin6_port);
  return SocketAddress::FromNative(reinterpret_cast<sockaddr*>(&native));
}

void ReadAddresses(std::uint8_t family_and_transport, const char* bytes, ProxyHeader& header) {
  if (family_and_transport == kTcpOverIpv4) {
    header.source = Ipv4At(bytes, bytes + 8);
    header.destination = Ipv4At(bytes + 4, bytes + 10);
    header.has_addresses = true;
  } else if (family_and_transport == kTcpOverIpv6) {
    header.source = Ipv6At(bytes, bytes + 32);
    header.destination = Ipv6At(bytes + 16, bytes + 34);
    header.has_addresses = true;
  }
}

}  // namespace

ProxyHeaderStatus ParseProxyHeader(std::string_view input, ProxyHeader& header) {
  std::size_t seen = std::min(input.size(), kSignature.size());
  if (input.substr(0, seen) != kSignature.substr(0, seen)) return ProxyHeaderStatus::kMalformed;
  if (input.size() > 12) {
    std::uint8_t command = ByteAt(input, 12);
    if (command != kVersionAndLocal && command != kVersionAndProxy) {
      return ProxyHeaderStatus::kMalformed;
    }
  }
  if (input.size() < kFixedBytes) return ProxyHeaderStatus::kIncomplete;

  bool is_proxy = ByteAt(input, 12) == kVersionAndProxy;
  std::uint8_t kind = ByteAt(input, 13);
  std::size_t length = LengthAt(input, 14);
  auto address_bytes = AddressBytes(kind);
  // The balancer speaking for itself may say anything here.
  if (is_proxy && (!address_bytes || *address_bytes > length)) return ProxyHeaderStatus::kMalformed;
  if (input.size() < kFixedBytes + length) return ProxyHeaderStatus::kIncomplete;

  header = {};
  header.size = kFixedBytes + length;
  if (!is_proxy) return ProxyHeaderStatus::kComplete;
  std::string_view rest = input.substr(kFixedBytes, length);
  // Without a family there is no telling where the TLVs begin.
  if (kind != kUnspecified && !AreWholeTlvs(rest.substr(*address_bytes))) {
    return ProxyHeaderStatus::kMalformed;
  }
  ReadAddresses(kind, rest.data(), header);
  return ProxyHeaderStatus::kComplete;
}

}  // namespace slotway::runtime
