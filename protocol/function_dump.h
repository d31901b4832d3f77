// SPDX-License-Identifier: Apache-2.0
// The payload of FUNCTION DUMP and FUNCTION RESTORE.
//
//   for each library: u8 245, string (its code); then u16 RDB version, u64 CRC-64 of all before
//   (both little endian)
// Source: the format as Redis 7 writes it; payloads of its previews (opcode 246) are not read.
// Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slotway::protocol {

// In Redis 7.0's version, so that every server that has functions reads it.
std::string WriteFunctionDump(std::span<const std::string> codes);

// The codes of its libraries; nothing if it is damaged, too new, or no such payload.
std::optional<std::vector<std::string>> ReadFunctionDump(std::string_view payload);

// The name that a library's first line gives it ("#!lua name=lib"), quotes resolved as Redis does;
// empty if it gives none.
std::string NameOfLibrary(std::string_view code);

}  // namespace slotway::protocol
