// SPDX-License-Identifier: Apache-2.0
// Which commands an ACL category has: what ACL CAT answers.
#pragma once

#include <string_view>
#include <vector>

#include "protocol/command.h"

namespace slotway::protocol {

// Full names of the commands and subcommands that are in any of `categories`.
std::vector<std::string_view> CommandNamesIn(FlagSet<AclCategory> categories);

}  // namespace slotway::protocol
