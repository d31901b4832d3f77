// SPDX-License-Identifier: Apache-2.0
// What one user of the proxy may take, on all of its connections together.
//
// Values; part of ProxyConfig.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace slotway::config {

struct UserLimits {
  uint32_t connections_max = 0;  // 0: no bound
  uint64_t requests_per_s = 0;   // 0: no bound
  uint64_t bytes_per_s = 0;      // of requests and replies; 0: no bound
  uint32_t burst_ms = 1000;      // as much as these rates give in this time may come at once
  uint32_t wait_max_ms = 60000;  // who would be held back for longer is cut
  bool operator==(const UserLimits&) const = default;
  bool HasRates() const { return requests_per_s > 0 || bytes_per_s > 0; }
};

using LimitsByUser = std::map<std::string, UserLimits, std::less<>>;

}  // namespace slotway::config
