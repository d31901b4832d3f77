// SPDX-License-Identifier: Apache-2.0
// What clients are told when the cluster could not be brought to answer. Without '-' and CRLF.
#pragma once

#include <string_view>

namespace slotway::proxy::trouble_text {

inline constexpr std::string_view kUnreachable =
    "CLUSTERDOWN The shard that serves this slot cannot be reached";
inline constexpr std::string_view kNoReplica =
    "CLUSTERDOWN No replica of this slot is up and close enough behind its master";
inline constexpr std::string_view kHoldFull =
    "CLUSTERDOWN The shard that serves this slot cannot be reached and too many requests wait "
    "for it";
inline constexpr std::string_view kTooManyRedirects =
    "CLUSTERDOWN Too many redirections for this slot";
inline constexpr std::string_view kOutcomeUnknown =
    "OUTCOMEUNKNOWN The connection to the shard was lost after the command was sent: it may or "
    "may not have run";
inline constexpr std::string_view kTooManyPrivate =
    "ERR Too many clients have connections to the shards of their own "
    "(limits.private_connections_max)";
inline constexpr std::string_view kShuttingDown = "ERR The proxy is shutting down";

}  // namespace slotway::proxy::trouble_text
