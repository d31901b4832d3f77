// SPDX-License-Identifier: Apache-2.0
// Which server clients believe to talk to, and which it is. The same for proxy and shard.
#pragma once

#include <string_view>

namespace slotway::protocol {

// The Redis whose behaviour Slotway shows; clients choose features by it.
inline constexpr std::string_view kRedisVersion = "7.2.5";
inline constexpr std::string_view kSlotwayVersion = "0.1.0";

}  // namespace slotway::protocol
