// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_guard.h"

namespace slotway::protocol {
namespace {

// False if it is neither a command nor a category.
bool Add(std::string_view name, AclCommandSet& commands) {
  if (name == "@all") {
    commands.SetAll(true);
    return true;
  }
  if (name.starts_with('@')) {
    const FlagSet<AclCategory> category = AclCategoryByName(name.substr(1));
    commands.SetCategory(category, true);
    return category.bits != 0;
  }
  const CommandSpec* command = FindCommandByFullName(name);
  if (command != nullptr) commands.Set(*command, true);
  return command != nullptr;
}

}  // namespace

tl::expected<AclGuard, std::string> AclGuard::Make(std::span<const std::string> dangerous,
                                                   std::span<const std::string> denied) {
  AclGuard guard;
  for (const std::string& name : dangerous) {
    if (!Add(name, guard.dangerous_)) {
      return tl::unexpected("dangerous_commands: no command or category '" + name + "'");
    }
  }
  for (const std::string& name : denied) {
    if (!Add(name, guard.denied_)) {
      return tl::unexpected("denied_commands: no command or category '" + name + "'");
    }
  }
  return guard;
}

std::string_view AclGuard::WhyNot(CommandId id) const {
  return denied_.Allows(id) ? "it is one of limits.denied_commands"
                            : "it is one of limits.dangerous_commands, which rules have to name";
}

}  // namespace slotway::protocol
