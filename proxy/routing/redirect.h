// SPDX-License-Identifier: Apache-2.0
// What an error reply of a shard means for its request: is it the client's business or ours?
#pragma once

#include <cstdint>
#include <string_view>

namespace slotway::proxy {

enum class ReplyVerdict : std::uint8_t {
  kForClient,     // an ordinary error
  kMoved,         // the slot lives elsewhere: the map is old
  kAsk,           // this key has already moved on: ask there, keep the map
  kTryAgain,      // nothing ran: the keys are on two shards for a moment
  kRetry,         // nothing ran; the shard will serve in a moment (LOADING)
  kRetryRefresh,  // nothing ran; the map may be old (CLUSTERDOWN, MASTERDOWN, READONLY)
};

// `reply` is a whole error reply, "-MOVED 3999 127.0.0.1:6381\r\n".
ReplyVerdict JudgeErrorReply(std::string_view reply);
// Whether nothing ran, since the shard does not know the script.
inline bool IsUnknownScript(std::string_view reply) { return reply.starts_with("-NOSCRIPT "); }

}  // namespace slotway::proxy
