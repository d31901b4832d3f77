// SPDX-License-Identifier: Apache-2.0
// The families of the command table as small numbers, for counters by family. Immutable; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"

namespace slotway::protocol {

using FamilyId = std::uint8_t;
inline constexpr std::size_t kFamiliesMax = 20;

// By FamilyId: "string", "hash", ... as COMMAND DOCS groups commands; the last is "other", for what
// the table does not know. At most kFamiliesMax.
std::span<const std::string_view> FamilyNames();

// By command id. At namespace scope, since a function's own would be looked after at every request.
extern const std::vector<FamilyId> kFamilyOfId;
inline FamilyId FamilyOf(CommandId id) { return kFamilyOfId[id]; }

}  // namespace slotway::protocol
