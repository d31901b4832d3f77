// SPDX-License-Identifier: Apache-2.0
// What a slow log keeps of a request. Any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command.h"

namespace slotway::protocol {

inline constexpr std::size_t kShownArgsMax = 32;
inline constexpr std::size_t kShownArgBytesMax = 128;

// Its arguments, long ones cut, and of many the first 31, each with a word about the rest. `spec`
// tells which ones are secret.
std::vector<std::string> ShownArguments(const CommandSpec& spec,
                                        std::span<const std::string_view> args);

}  // namespace slotway::protocol
