// SPDX-License-Identifier: Apache-2.0
#include "runtime/process_stats.h"

#include <fstream>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

// jemalloc's control function, where the program is linked with it.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value,
                                             std::size_t* old_size, void* new_value,
                                             std::size_t new_size);

namespace slotway::runtime {

ProcessStats ReadProcessStats() {
  ProcessStats stats;
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> total_pages >> resident_pages;
  stats.resident_bytes = resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  stats.user_cpu_s = seconds(usage.ru_utime);
  stats.system_cpu_s = seconds(usage.ru_stime);
  rusage children{};
  getrusage(RUSAGE_CHILDREN, &children);
  stats.user_cpu_of_children_s = seconds(children.ru_utime);
  stats.system_cpu_of_children_s = seconds(children.ru_stime);
  stats.resident_bytes_peak = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  return stats;
}

std::uint64_t AllocatedBytes() {
  if (mallctl != nullptr) {
    std::uint64_t epoch = 1;
    std::size_t epoch_size = sizeof epoch;
    mallctl("epoch", &epoch, &epoch_size, &epoch, epoch_size);
    std::size_t allocated = 0;
    std::size_t size = sizeof allocated;
    if (mallctl("stats.allocated", &allocated, &size, nullptr, 0) == 0) return allocated;
  }
  return mallinfo2().uordblks;
}

std::uint64_t SystemMemoryBytes() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::int64_t ProcessId() { return getpid(); }

std::string SystemName() {
  utsname system{};
  uname(&system);
  return std::string(system.sysname) + " " + system.release + " " + system.machine;
}

}  // namespace slotway::runtime
