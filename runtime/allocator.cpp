// SPDX-License-Identifier: Apache-2.0
#include "runtime/allocator.h"

#include <cstddef>
#include <malloc.h>

// jemalloc's functions, where the program is linked with it.
extern "C" {
__attribute__((weak)) int mallctl(const char* name, void* old_value, std::size_t* old_size,
                                  void* new_value, std::size_t new_size);
__attribute__((weak)) void malloc_stats_print(void (*write)(void*, const char*), void* argument,
                                              const char* options);
// That of AddressSanitizer, which takes the place of any other.
__attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();
}

namespace slotway::runtime {
namespace {

std::uint64_t ReadNumber(const char* name) {
  std::size_t number = 0;
  std::size_t size = sizeof number;
  return mallctl(name, &number, &size, nullptr, 0) == 0 ? number : 0;
}

const std::uint64_t* CounterAt(const char* name) {
  const std::uint64_t* counter = nullptr;
  std::size_t size = sizeof counter;
  return mallctl(name, &counter, &size, nullptr, 0) == 0 ? counter : nullptr;
}

}  // namespace

HeapMeter::HeapMeter() {
  if (mallctl == nullptr || __sanitizer_get_current_allocated_bytes != nullptr) return;
  allocated_ = CounterAt("thread.allocatedp");
  freed_ = allocated_ != nullptr ? CounterAt("thread.deallocatedp") : nullptr;
  if (freed_ == nullptr) allocated_ = nullptr;
  if (allocated_ != nullptr) {
    before_ = ReadAllocatorStats().allocated_bytes - (*allocated_ - *freed_);
  }
}

AllocatorStats ReadAllocatorStats() {
  if (__sanitizer_get_current_allocated_bytes != nullptr) {
    const std::uint64_t bytes = __sanitizer_get_current_allocated_bytes();
    return {.allocated_bytes = bytes, .active_bytes = bytes, .resident_bytes = bytes};
  }
  if (mallctl != nullptr) {
    std::uint64_t epoch = 1;
    std::size_t size = sizeof epoch;
    mallctl("epoch", &epoch, &size, &epoch, size);  // brings the numbers up to date
    return {.allocated_bytes = ReadNumber("stats.allocated"),
            .active_bytes = ReadNumber("stats.active"),
            .resident_bytes = ReadNumber("stats.resident")};
  }
  const auto info = mallinfo2();
  return {.allocated_bytes = info.uordblks + info.hblkhd,
          .active_bytes = info.arena + info.hblkhd - info.keepcost,
          .resident_bytes = info.arena + info.hblkhd};
}

std::string AllocatorReport() {
  if (malloc_stats_print != nullptr) {
    std::string report;
    malloc_stats_print(
        [](void* to, const char* text) { static_cast<std::string*>(to)->append(text); }, &report,
        nullptr);
    return report;
  }
  const AllocatorStats stats = ReadAllocatorStats();
  return "The allocator of the C library: " + std::to_string(stats.allocated_bytes) +
         " bytes allocated, " + std::to_string(stats.resident_bytes) + " held.\n";
}

void PurgeAllocator() {
  if (mallctl != nullptr) {
    mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: all arenas
  } else {
    malloc_trim(0);
  }
}

}  // namespace slotway::runtime
