// SPDX-License-Identifier: Apache-2.0
// One value as DUMP gives it and RESTORE takes it.
//
//   u8 RDB type, value, u16 RDB version, u64 CRC-64 of all before (both little endian)
// Payloads come from outside: nothing in them is trusted. Engine thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/engine/keyspace.h"
#include "storage/types/hash_value.h"

namespace slotway::storage {

// Nothing for a type that cannot be dumped yet.
std::optional<std::string> DumpValue(Keyspace& keyspace, const Entry& entry);

// Whether version and checksum are in order.
bool IsDumpIntact(std::string_view payload);

enum class RestoreResult : std::uint8_t { kDone, kBadData, kUnsupportedType };

// Stores the value under `key`, overwriting what was there; without a time to live. On failure the
// keyspace is as before. REQUIRES: IsDumpIntact(payload).
RestoreResult RestoreValue(Keyspace& keyspace, const KeyRef& key, std::string_view payload,
                           const HashLimits& limits, std::int64_t now_ms);

}  // namespace slotway::storage
