// SPDX-License-Identifier: Apache-2.0
// CRC-64 with the Jones polynomial, as RDB files and DUMP payloads end with. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace slotway::protocol {

// Polynomial 0xad93d23594c935a9, reflected, initial value 0. `crc` continues an earlier call.
std::uint64_t Crc64(std::string_view bytes, std::uint64_t crc = 0);

}  // namespace slotway::protocol
