// SPDX-License-Identifier: Apache-2.0
// What the allocator tells about this process. Any thread.
#pragma once

#include <cstddef>

namespace slotway::storage {

// Bytes allocated on the heap beyond the tables of keys, as far as the allocator counts cheaply.
std::size_t ProcessHeapBytes();

}  // namespace slotway::storage
