// SPDX-License-Identifier: Apache-2.0
// The text inside an error reply.
#pragma once

#include <string_view>

namespace slotway::protocol {

// "MOVED 3999 127.0.0.1:6381" of the whole reply "-MOVED 3999 127.0.0.1:6381" CRLF.
inline std::string_view ErrorTextOf(std::string_view reply) {
  if (reply.starts_with('-')) reply.remove_prefix(1);
  if (reply.ends_with("\r\n")) reply.remove_suffix(2);
  return reply;
}

}  // namespace slotway::protocol
