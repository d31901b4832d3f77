// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_category_commands.h"

#include <cstddef>

#include "protocol/command_table.h"

namespace slotway::protocol {

std::vector<std::string_view> CommandNamesIn(FlagSet<AclCategory> categories) {
  std::vector<std::string_view> names;
  for (std::size_t id = 0; id < CommandCount(); ++id) {
    const CommandSpec& spec = CommandById(static_cast<CommandId>(id));
    if ((spec.categories.bits & categories.bits) != 0) names.push_back(spec.name);
  }
  return names;
}

}  // namespace slotway::protocol
