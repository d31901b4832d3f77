// SPDX-License-Identifier: Apache-2.0
// How a refusal is worded, as Redis 7.0 does: to the client, at EXEC, to a script, by ACL DRYRUN.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "protocol/acl_check.h"

namespace slotway::protocol {

// All four REQUIRE that the verdict is a refusal.
// "NOPERM this user has no permissions to run the 'get' command"
std::string AclRefusal(const AclVerdict& verdict, const CommandSpec& spec);
// Of a command that was allowed when it was queued.
std::string AclRefusalAtExec(const AclVerdict& verdict);
// "ERR The user executing the script can't run this command or subcommand"
std::string AclRefusalInScript(const AclVerdict& verdict);
// "This user has no permissions to access the 'k' key"; no error of DRYRUN's.
std::string AclDryRunText(const AclVerdict& verdict, const CommandSpec& spec,
                          std::span<const std::string_view> args);

}  // namespace slotway::protocol
