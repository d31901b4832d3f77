// SPDX-License-Identifier: Apache-2.0
// The first words of error replies, as a bounded set: labels of a counter.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace slotway::protocol {

// The last is for all others, be they of modules or of scripts.
inline constexpr auto kErrorCodes = std::to_array<std::string_view>(
    {"ERR", "WRONGTYPE", "NOAUTH", "WRONGPASS", "NOPERM", "DENIED", "MOVED", "ASK", "TRYAGAIN",
     "CROSSSLOT", "CLUSTERDOWN", "MASTERDOWN", "LOADING", "BUSY", "BUSYKEY", "BUSYGROUP", "NOGROUP",
     "NOSCRIPT", "NOREPLICAS", "READONLY", "OOM", "MISCONF", "EXECABORT", "UNKILLABLE", "NOPROTO",
     "UNBLOCKED", "OUTCOMEUNKNOWN", "other"});

// "ERR" of "-ERR syntax error\r\n".
constexpr std::string_view ErrorCodeOf(std::string_view reply) {
  return reply.substr(1, reply.find_first_of(" \r") - 1);
}

// Its place in kErrorCodes.
constexpr std::size_t IndexOfErrorCode(std::string_view code) {
  for (std::size_t i = 0; i + 1 < kErrorCodes.size(); ++i) {
    if (kErrorCodes[i] == code) return i;
  }
  return kErrorCodes.size() - 1;
}

}  // namespace slotway::protocol
