// SPDX-License-Identifier: Apache-2.0
// The zipmap, in which Redis before 2.6 kept small hashes: only reading.
//
//   u8 pairs (254: unknown), pairs, 0xff
//   pair: length, field, length, u8 unused bytes, value, the unused bytes
//   length: u8 below 254; or 254, u32 (little endian)
// The bytes come from outside: all of the above is checked. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "storage/types/listpack.h"

namespace slotway::storage {

// The fields and values in turn as a listpack; nothing if the bytes are not a well-formed zipmap.
std::optional<Listpack> ListpackOfZipmap(std::string_view bytes);

}  // namespace slotway::storage
