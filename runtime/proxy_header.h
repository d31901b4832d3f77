// SPDX-License-Identifier: Apache-2.0
// The header of the PROXY protocol, version 2: a load balancer says who its client is.
//
//   0                      12        13       14        16                 16 + length
//   | \r\n\r\n\0\r\nQUIT\n | 2 | cmd | af | tr | length  | addresses | TLVs |
//
// cmd 0 (LOCAL): the balancer speaks for itself; 1 (PROXY): for a client. af 1: IPv4, 2: IPv6, 3:
// Unix; tr 1: stream. Numbers are big-endian. Source: haproxy.org, proxy-protocol.txt, section 2.2.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/socket_address.h"

namespace slotway::runtime {

struct ProxyHeader {
  std::size_t size = 0;  // what follows is the client's
  // Without addresses (a health check of the balancer, a Unix client of it) the connection's own
  // ends count.
  bool has_addresses = false;
  SocketAddress source;
  SocketAddress destination;
};

enum class ProxyHeaderStatus { kComplete, kIncomplete, kMalformed };

// Reads the header at the beginning of `input`; `header` is filled in if it is complete. What
// cannot become a header any more is malformed from its first wrong byte on.
ProxyHeaderStatus ParseProxyHeader(std::string_view input, ProxyHeader& header);

}  // namespace slotway::runtime
