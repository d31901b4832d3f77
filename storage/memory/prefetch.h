// SPDX-License-Identifier: Apache-2.0
// Asks for a cache line ahead of its use.
//
// A function that only prefetches has no effect in the compiler's eyes: GCC drops calls of it. The
// empty statement is an effect that costs nothing.
#pragma once

namespace slotway::storage {

inline void PrefetchLine(const void* address) {
  __builtin_prefetch(address);
  asm volatile("");
}

}  // namespace slotway::storage
