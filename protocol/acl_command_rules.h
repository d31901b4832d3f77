// SPDX-License-Identifier: Apache-2.0
// The rules that make a set of allowed commands, in Redis 7.0's canonical form.
//
// "+@all" or "-@all" first, by which of them was said last; then the categories that bring the set
// nearest, the best one each time; then single commands, in the order of the table.
#pragma once

#include <string>

#include "protocol/acl_command_set.h"

namespace slotway::protocol {

// "-@all +@read +config|get". Applied to an empty set these rules give `commands` again.
// `tells_names`: also what AclCommandSet::Names() says, by rules that Redis does not have ("+?keys").
std::string AclCommandRules(const AclCommandSet& commands, bool tells_names = false);

}  // namespace slotway::protocol
