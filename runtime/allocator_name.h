// SPDX-License-Identifier: Apache-2.0
// Which allocator the process has. Any thread.
#pragma once

#include <string>

namespace slotway::runtime {

// "jemalloc-5.3.0", "libc".
std::string AllocatorName();

}  // namespace slotway::runtime
