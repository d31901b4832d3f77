// SPDX-License-Identifier: Apache-2.0
// Strings as arrays of bits: counting them and finding the first one.
//
//   byte      0                 1
//   bit       7 6 5 4 3 2 1 0   7 6 5 4 3 2 1 0      within the byte, the highest first
//   position  0 1 2 3 4 5 6 7   8 9 ...              as commands count
//
// Works on words of eight bytes. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slotway::storage {

// False beyond the end.
bool BitAt(std::string_view bytes, std::uint64_t position);

// How many bits are one.
std::uint64_t CountBits(std::string_view bytes);
// The same from position `first` to `last`, both included. REQUIRES: first <= last < bits in all.
std::uint64_t CountBits(std::string_view bytes, std::uint64_t first, std::uint64_t last);

// The first position from `first` to `last`, both included, where the bit is `bit`.
// REQUIRES: first <= last < bits in all.
std::optional<std::uint64_t> FindBit(std::string_view bytes, bool bit, std::uint64_t first,
                                     std::uint64_t last);

}  // namespace slotway::storage
