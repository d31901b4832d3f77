// SPDX-License-Identifier: Apache-2.0
// One value as DUMP gives it and RESTORE takes it.
//
//   u8 RDB type, value, u16 RDB version, u64 CRC-64 of all before (both little endian)
// Payloads come from outside: nothing in them is trusted. Engine thread only.
#pragma once

#include <string>
#include <string_view>

#include "storage/persistence/rdb_value.h"

namespace slotway::storage {

// What DUMP answers.
std::string DumpValue(Keyspace& keyspace, const Entry& entry);

// Whether version and checksum are in order.
bool IsDumpIntact(std::string_view payload);

// Stores the value. On failure the keyspace is as before. REQUIRES: IsDumpIntact(payload).
RestoreResult RestoreValue(std::string_view payload, const RestoreTarget& target);

}  // namespace slotway::storage
