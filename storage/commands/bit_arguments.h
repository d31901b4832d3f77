// SPDX-License-Identifier: Apache-2.0
// Positions of bits as commands take them, and strings made ready for bits to be written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/commands/command_context.h"

namespace slotway::storage {

// The position in args[index]; answers an error and returns false if it is none, or beyond what a
// string may hold. With `field_bits` above 0, "#n" is the n-th field of so many bits.
bool ReadBitPosition(CommandContext& ctx, std::size_t index, int field_bits,
                     std::uint64_t& position);

struct WritableBits {
  Entry entry;
  bool has_grown;  // or is new
};
// The string of `key` with at least `length` bytes, to be changed in place. `entry` is what was
// found there: nothing or a string.
WritableBits MakeRoomForBits(CommandContext& ctx, const KeyRef& key, const Entry& entry,
                             std::size_t length);

}  // namespace slotway::storage
