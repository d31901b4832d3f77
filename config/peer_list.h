// SPDX-License-Identifier: Apache-2.0
// Addresses of nodes as one setting lists them: "redis-0.redis:6379,10.0.0.2:6379".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace slotway::config {

struct PeerAddress {
  std::string host;  // a name, which may stand for several addresses, or one in digits
  std::uint16_t port = 0;
  bool operator==(const PeerAddress&) const = default;
};

// An empty text is an empty list. IPv6 stands in brackets or is split at its last colon.
runtime::Result<std::vector<PeerAddress>> ParsePeerList(std::string_view text);

}  // namespace slotway::config
