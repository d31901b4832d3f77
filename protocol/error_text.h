// SPDX-License-Identifier: Apache-2.0
// Redis's error texts, in one place, so that proxy and shard answer alike.
//
// Constants are complete replies without '-' and CRLF; functions fill in what varies.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace slotway::protocol::error_text {

inline constexpr std::string_view kSyntax = "ERR syntax error";
inline constexpr std::string_view kWrongType =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNotFloat = "ERR value is not a valid float";
inline constexpr std::string_view kOutOfRange = "ERR value is out of range";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
inline constexpr std::string_view kOverflow = "ERR increment or decrement would overflow";
inline constexpr std::string_view kNoAuth = "NOAUTH Authentication required.";
inline constexpr std::string_view kWrongPass =
    "WRONGPASS invalid username-password pair or user is disabled.";
inline constexpr std::string_view kNoProto = "NOPROTO unsupported protocol version";
inline constexpr std::string_view kCrossSlot =
    "CROSSSLOT Keys in request don't hash to the same slot";
inline constexpr std::string_view kClusterDown = "CLUSTERDOWN The cluster is down";
inline constexpr std::string_view kClusterDownUnbound = "CLUSTERDOWN Hash slot not served";
inline constexpr std::string_view kTryAgain =
    "TRYAGAIN Multiple keys request during rehashing of slot";
inline constexpr std::string_view kInvalidKeys = "ERR Invalid arguments specified for command";
inline constexpr std::string_view kDbIndexOutOfRange = "ERR DB index is out of range";
inline constexpr std::string_view kSelectInCluster = "ERR SELECT is not allowed in cluster mode";
inline constexpr std::string_view kNoCluster = "ERR This instance has cluster support disabled";
inline constexpr std::string_view kReadonlyReplica =
    "READONLY You can't write against a read only replica.";
inline constexpr std::string_view kLoading = "LOADING Redis is loading the dataset in memory";
inline constexpr std::string_view kOom = "OOM command not allowed when used memory > 'maxmemory'.";

// "ERR unknown command 'foo', with args beginning with: 'a' 'b' "; name and arguments are cut
// as Redis cuts them (128 bytes).
std::string UnknownCommand(std::span<const std::string_view> args);
// "ERR unknown subcommand 'foo'. Try CONFIG HELP."
std::string UnknownSubcommand(std::string_view container, std::string_view subcommand);
// "ERR Can't execute 'get': only (P|S)SUBSCRIBE / ... are allowed in this context"
std::string NotWhileSubscribed(std::string_view full_name);
// "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."
std::string WrongSubcommandUse(std::string_view container, std::string_view subcommand);
// "ERR wrong number of arguments for 'get' command"; full_name as in the table ("config|get").
std::string WrongArity(std::string_view full_name);

}  // namespace slotway::protocol::error_text
