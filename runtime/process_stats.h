// SPDX-License-Identifier: Apache-2.0
// What the operating system says of this process. Any thread; a few microseconds a call.
#pragma once

#include <cstdint>
#include <string>

namespace slotway::runtime {

struct ProcessStats {
  std::uint64_t resident_bytes = 0;
  std::uint64_t resident_bytes_peak = 0;
  double user_cpu_s = 0;
  double system_cpu_s = 0;
  double user_cpu_of_thread_s = 0;  // of the one that asks
  double system_cpu_of_thread_s = 0;
  double user_cpu_of_children_s = 0;  // of those that ended
  double system_cpu_of_children_s = 0;
};

ProcessStats ReadProcessStats();

std::uint64_t SystemMemoryBytes();
std::int64_t ProcessId();
// "Linux 6.1.0 x86_64"
std::string SystemName();
// The file that this process runs; empty if the system does not say.
std::string ExecutablePath();
// "12.2.0"
std::string CompilerVersion();

}  // namespace slotway::runtime
