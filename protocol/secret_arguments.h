// SPDX-License-Identifier: Apache-2.0
// Which arguments no log may show: passwords, what sets them, and where proxies keep them. Any
// thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "protocol/command.h"

namespace slotway::protocol {

inline constexpr std::string_view kRedacted = "(redacted)";

// Whether args[index] is one. `spec` is the row of the command itself ("config|set").
bool IsSecretArgument(const CommandSpec& spec, std::span<const std::string_view> args,
                      std::size_t index);

}  // namespace slotway::protocol
