// SPDX-License-Identifier: Apache-2.0
// What a client may call itself (CLIENT SETNAME, SETINFO, HELLO ... SETNAME).
#pragma once

#include <algorithm>
#include <string_view>

namespace slotway::proxy {

inline constexpr std::string_view kInvalidClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";

// Only characters that do not break the lines of CLIENT LIST.
inline bool IsValidClientName(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace slotway::proxy
