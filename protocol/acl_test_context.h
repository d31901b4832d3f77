// SPDX-License-Identifier: Apache-2.0
// Users of tests that do not look at passwords.
#pragma once

#include <string>
#include <string_view>

#include "protocol/acl_user.h"

namespace slotway::protocol {

inline std::string NoHash(std::string_view) { return std::string(64, '0'); }
inline constexpr AclContext kContext{.hash = &NoHash};

}  // namespace slotway::protocol
