// SPDX-License-Identifier: Apache-2.0
// Which server clients believe to talk to.
#pragma once

#include <string_view>

namespace slotway::proxy {

// The Redis whose behaviour Slotway implements; clients switch features by it.
inline constexpr std::string_view kRedisVersion = "7.2.5";
inline constexpr std::string_view kSlotwayVersion = "0.1.0";

}  // namespace slotway::proxy
