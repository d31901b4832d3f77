// SPDX-License-Identifier: Apache-2.0
// Whether a user may run a request: its command, the keys and the channels that it names.
//
// Keys are found by the extraction that routing uses. Pure; a check of an ordinary user takes a bit
// of a set and a few comparisons, and allocates nothing once `keys` has grown.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/acl_user.h"
#include "protocol/key_extraction.h"

namespace slotway::protocol {

// In the order in which they count when several selectors refuse.
enum class AclDenial : std::uint8_t { kNone, kCommand, kKey, kChannel };

struct AclVerdict {
  AclDenial denial = AclDenial::kNone;
  std::uint32_t index = 0;  // of the key or channel in the request

  bool IsAllowed() const { return denial == AclDenial::kNone; }
};

// `spec` is the row of `args`. `keys` is memory to work in. What the extraction cannot make sense
// of is left to the command to refuse. A learned command (learned_commands.h) of which is not known
// where all its keys are needs a selector that allows every key.
AclVerdict CheckAcl(const AclUser& user, const CommandSpec& spec,
                    std::span<const std::string_view> args, std::vector<KeyPosition>& keys);

// The same, and whether the selector that allows it also lets any key be read: SORT BY and GET.
bool MayReadAllKeys(const AclUser& user, const CommandSpec& spec,
                    std::span<const std::string_view> args, std::vector<KeyPosition>& keys);

// Whether one who listens to this already may go on, by any of the user's selectors.
bool MayListen(const AclUser& user, std::string_view channel, bool is_pattern);

}  // namespace slotway::protocol
