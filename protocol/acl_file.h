// SPDX-License-Identifier: Apache-2.0
// The text of an ACL file: a line "user <name> <rule> ..." per user, empty lines between.
//
// Source: the ACL page of the Redis documentation. Bytes from outside are not trusted.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "protocol/acl_users.h"

namespace slotway::protocol {

// The users of a file, or everything that is wrong with it in one line, worded as Redis does.
// `file` is its name in that.
tl::expected<std::vector<AclUser>, std::string> ReadAclFile(std::string_view text,
                                                            std::string_view file,
                                                            const AclContext& context);
std::string WriteAclFile(const AclUsers& users);

}  // namespace slotway::protocol
