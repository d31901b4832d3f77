// SPDX-License-Identifier: Apache-2.0
// Lets the calling thread sleep for microseconds.
#pragma once

#include <cstdint>

namespace slotway::runtime {

// About `us`: the 50 us by which the kernel may lengthen a sleep are taken from the thread for
// good. A signal may shorten it.
void ShortSleep(std::uint32_t us);

}  // namespace slotway::runtime
