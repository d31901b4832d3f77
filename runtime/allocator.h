// SPDX-License-Identifier: Apache-2.0
// What the allocator of the process says of itself: jemalloc where it is linked, else the C
// library.
//
// Any thread. Reports and purges take milliseconds.
#pragma once

#include <cstdint>
#include <string>

namespace slotway::runtime {

struct AllocatorStats {
  std::uint64_t allocated_bytes = 0;  // by the program
  std::uint64_t active_bytes = 0;     // pages with something in them
  std::uint64_t resident_bytes = 0;   // pages that are in memory
};
AllocatorStats ReadAllocatorStats();

// Everything it knows, for people.
std::string AllocatorReport();

// Gives pages without anything in them back to the system.
void PurgeAllocator();

}  // namespace slotway::runtime
