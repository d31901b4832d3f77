// SPDX-License-Identifier: Apache-2.0
// Redis's ziplist, in which small lists, hashes and sorted sets were kept before listpacks came:
// only reading.
//
//   u32 total bytes, u32 offset of the last entry, u16 entries (65535: unknown), entries, 0xff
//   entry: length of the entry before (u8 below 254; or 254, u32), encoding and data
//     00llllll            string of up to 63 bytes      11000000 11010000 11100000 11110000
//     11111110 01llllll l          string of up to 16383 bytes        integer of 16, 32, 64, 24, 8
//     bits 10000000 u32        string                        1111nnnn   integer nnnn - 1, 0 to 12
//   all little endian, but the lengths of strings
// The bytes come from outside: all of the above is checked. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "storage/types/listpack.h"

namespace slotway::storage {

// The same elements as a listpack; nothing if the bytes are not a well-formed ziplist.
std::optional<Listpack> ListpackOfZiplist(std::string_view bytes);

}  // namespace slotway::storage
