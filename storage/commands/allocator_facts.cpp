// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/allocator_facts.h"

#include <cstdint>
#include <malloc.h>

// jemalloc's control function, where the program is linked with it.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value,
                                             std::size_t* old_size, void* new_value,
                                             std::size_t new_size);

namespace slotway::storage {

std::size_t ProcessHeapBytes() {
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

}  // namespace slotway::storage
