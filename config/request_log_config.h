// SPDX-License-Identifier: Apache-2.0
// What the proxy keeps of single requests: slow ones, hot keys, the access log. Values.
#pragma once

#include <cstdint>
#include <string>

namespace slotway::config {

// Which requests are kept for SLOTWAY SLOWLOG.
struct SlowRequestsConfig {
  uint32_t over_ms = 10;     // 0: none
  uint32_t kept_max = 1024;  // of all workers
  bool operator==(const SlowRequestsConfig&) const = default;
};

struct HotKeysConfig {
  uint32_t sample = 64;  // one of so many requests is looked at; 0: none
  bool operator==(const HotKeysConfig&) const = default;
};

// The file of single requests.
struct AccessLogConfig {
  std::string file = {};      // empty: none
  uint32_t sample = 1000;     // one of so many; 0: none
  uint32_t slow_over_ms = 0;  // and each that took so long; 0: none
  uint64_t rotate_bytes = uint64_t{64} << 20;  // 0: never
  uint32_t rotate_files = 5;
  bool operator==(const AccessLogConfig&) const = default;
};

}  // namespace slotway::config
