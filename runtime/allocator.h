// SPDX-License-Identifier: Apache-2.0
// What the allocator of the process says of itself: jemalloc where it is linked, else the C
// library.
//
// Any thread, but for HeapMeter. Reports and purges take milliseconds.
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

// What is allocated, exactly and at the cost of two reads: for a thread that does everything, which
// has to make the meter and to ask it. jemalloc counts for each thread what it allocated and what
// it freed, ever. Without jemalloc the C library is asked each time, which takes microseconds.
class HeapMeter {
 public:
  HeapMeter();
  std::uint64_t Bytes() const {
    if (allocated_ == nullptr) return ReadAllocatorStats().allocated_bytes;
    return before_ + *allocated_ - *freed_;
  }

 private:
  const std::uint64_t* allocated_ = nullptr;
  const std::uint64_t* freed_ = nullptr;
  std::uint64_t before_ = 0;  // in use when the meter was made, less what the counters say of it
};

// Everything it knows, for people.
std::string AllocatorReport();

// Gives pages without anything in them back to the system.
void PurgeAllocator();

}  // namespace slotway::runtime
