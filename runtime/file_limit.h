// SPDX-License-Identifier: Apache-2.0
// How many files and sockets this process may have open.
#pragma once

#include <cstdint>

namespace slotway::runtime {

// Raises the limit of open files to `wanted`, or as near as the system allows (the hard limit, or
// beyond it for root). Returns what holds now. Threads inherit it; call it before they start.
std::uint64_t RaiseFileLimit(std::uint64_t wanted);

}  // namespace slotway::runtime
