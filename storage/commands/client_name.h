// SPDX-License-Identifier: Apache-2.0
// Which texts may stand in CLIENT LIST's lines: they are separated by spaces and newlines.
#pragma once

#include <string_view>

namespace slotway::storage {

inline constexpr std::string_view kClientNameError =
    "ERR Client names cannot contain spaces, newlines or special characters.";

constexpr bool IsClientNameAllowed(std::string_view name) {
  for (char c : name) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

}  // namespace slotway::storage
