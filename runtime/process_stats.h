// SPDX-License-Identifier: Apache-2.0
// What the operating system says of this process. Any thread; a few microseconds a call.
#pragma once

#include <cstdint>

namespace slotway::runtime {

struct ProcessStats {
  std::uint64_t resident_bytes = 0;
  std::uint64_t resident_bytes_peak = 0;
  double user_cpu_s = 0;
  double system_cpu_s = 0;
};

ProcessStats ReadProcessStats();

}  // namespace slotway::runtime
