// SPDX-License-Identifier: Apache-2.0
// What CLIENT TRACKING, CACHING and TRACKINGINFO say: their options, errors and replies. Any
// thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slotway::protocol {

struct TrackingOptions {
  bool is_bcast = false;
  bool is_optin = false;
  bool is_optout = false;
  bool is_noloop = false;
  std::uint64_t redirect = 0;  // a client's id, or 0
  std::vector<std::string> prefixes;
};

// CLIENT CACHING: for the next command, or transaction.
enum class TrackingCaching : std::uint8_t { kUnsaid, kYes, kNo };

// The channel that tells RESP2 clients which keys changed.
inline constexpr std::string_view kInvalidateChannel = "__redis__:invalidate";

inline constexpr std::string_view kNoRedirectClient =
    "ERR The client ID you want redirect to does not exist";

// The options behind ON or OFF; an error's text if they are none. Whether the client to redirect to
// exists is left to the caller.
std::string ReadTrackingOptions(std::span<const std::string_view> args, TrackingOptions& options);

// Why these options cannot be taken, given those that hold now (nullptr: none); else nothing.
std::string FindTrackingConflict(const TrackingOptions* now, const TrackingOptions& asked);

// CLIENT CACHING YES or NO in `word`, given the options that hold (nullptr: none): sets `caching`,
// or tells what is wrong.
std::string ReadCaching(const TrackingOptions* options, std::string_view word,
                        TrackingCaching& caching);

// The reply of CLIENT TRACKINGINFO; `options` nullptr: it is off.
template <class Writer>
void WriteTrackingInfo(Writer& writer, const TrackingOptions* options, TrackingCaching caching,
                       bool is_redirect_broken) {
  std::vector<std::string_view> flags;
  std::vector<std::string> prefixes;
  std::int64_t redirect = -1;
  if (options == nullptr) {
    flags.push_back("off");
  } else {
    flags.push_back("on");
    if (options->is_bcast) flags.push_back("bcast");
    if (options->is_optin) flags.push_back("optin");
    if (caching == TrackingCaching::kYes) flags.push_back("caching-yes");
    if (options->is_optout) flags.push_back("optout");
    if (caching == TrackingCaching::kNo) flags.push_back("caching-no");
    if (options->is_noloop) flags.push_back("noloop");
    if (is_redirect_broken) flags.push_back("broken_redirect");
    redirect = static_cast<std::int64_t>(options->redirect);
    prefixes = options->prefixes;
    std::sort(prefixes.begin(), prefixes.end());
  }
  writer.Map(3);
  writer.Bulk("flags");
  writer.Set(flags.size());
  for (std::string_view flag : flags) writer.Bulk(flag);
  writer.Bulk("redirect");
  writer.Integer(redirect);
  writer.Bulk("prefixes");
  writer.Array(prefixes.size());
  for (const std::string& prefix : prefixes) writer.Bulk(prefix);
}

}  // namespace slotway::protocol
