// SPDX-License-Identifier: Apache-2.0
// What the operating system and the allocator tell about this process. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slotway::storage {

// Bytes allocated on the heap beyond the tables of keys, as far as the allocator counts cheaply.
std::size_t ProcessHeapBytes();
std::size_t ResidentBytes();

}  // namespace slotway::storage
