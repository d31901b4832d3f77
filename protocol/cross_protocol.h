// SPDX-License-Identifier: Apache-2.0
// Recognises a web browser that was tricked into speaking to this port.
//
// A page can make a browser POST to any address; the lines of its request would be read as inline
// commands. Redis closes such a connection without a word, and so do we.
#pragma once

#include <span>
#include <string_view>

#include "protocol/ascii.h"

namespace slotway::protocol {

inline bool IsWebRequest(std::span<const std::string_view> args) {
  return EqualsNoCase(args[0], "post") || EqualsNoCase(args[0], "host:");
}

}  // namespace slotway::protocol
