// SPDX-License-Identifier: Apache-2.0
// A user as one line of settings: its name and its rules, "alice on >secret ~app:* +@read".
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "protocol/acl_user.h"

namespace slotway::protocol {

// The name in a line; empty if there is none.
std::string_view AclUserLineName(std::string_view line);

// The user of the line, which is all that is said of it; or why not, without its name.
tl::expected<AclUser, std::string> ReadAclUserLine(std::string_view line,
                                                   const AclContext& context);

}  // namespace slotway::protocol
