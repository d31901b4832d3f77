// SPDX-License-Identifier: Apache-2.0
#include "runtime/process_stats.h"

#include <fstream>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

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
  rusage thread{};
  getrusage(RUSAGE_THREAD, &thread);
  stats.user_cpu_of_thread_s = seconds(thread.ru_utime);
  stats.system_cpu_of_thread_s = seconds(thread.ru_stime);
  rusage children{};
  getrusage(RUSAGE_CHILDREN, &children);
  stats.user_cpu_of_children_s = seconds(children.ru_utime);
  stats.system_cpu_of_children_s = seconds(children.ru_stime);
  stats.resident_bytes_peak = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  return stats;
}

std::uint64_t SystemMemoryBytes() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::int64_t ProcessId() { return getpid(); }

std::string ExecutablePath() {
  std::string path(4096, '\0');
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  path.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return path;
}

std::string CompilerVersion() {
  return std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
         std::to_string(__GNUC_PATCHLEVEL__);
}

std::string SystemName() {
  utsname system{};
  uname(&system);
  return std::string(system.sysname) + " " + system.release + " " + system.machine;
}

}  // namespace slotway::runtime
