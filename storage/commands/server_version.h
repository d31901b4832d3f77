// SPDX-License-Identifier: Apache-2.0
// The version of Redis whose behaviour this server shows, and its own.
#pragma once

#include <string_view>

namespace slotway::storage {

// Clients choose features by it.
inline constexpr std::string_view kRedisVersion = "7.2.0";
inline constexpr std::string_view kSlotwayVersion = "0.1.0";

}  // namespace slotway::storage
