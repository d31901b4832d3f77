// SPDX-License-Identifier: Apache-2.0
// Strings combined bit by bit: AND, OR, XOR and NOT over words.
//
// Strings shorter than the longest go on with zeros. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace slotway::storage {

enum class BitOperation : std::uint8_t { kAnd, kOr, kXor, kNot };

// Writes all of `result`. REQUIRES: it is as long as the longest source, and overlaps none or is
// the first itself; at least one source, exactly one for kNot.
void CombineBits(BitOperation operation, std::span<const std::string_view> sources,
                 std::span<char> result);

}  // namespace slotway::storage
