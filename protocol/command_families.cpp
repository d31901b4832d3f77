// SPDX-License-Identifier: Apache-2.0
#include "protocol/command_families.h"

#include <algorithm>
#include <set>

namespace slotway::protocol {
namespace {

const std::vector<std::string_view>& Names() {
  static const std::vector<std::string_view> names = [] {
    std::set<std::string_view> groups;
    for (const CommandSpec* spec : TopLevelCommands()) groups.insert(spec->group);
    std::vector<std::string_view> sorted(groups.begin(), groups.end());
    sorted.push_back("other");
    return sorted;
  }();
  return names;
}

std::vector<FamilyId> IndexFamilies() {
  const std::vector<std::string_view>& names = Names();
  std::vector<FamilyId> families(CommandIdCount(),
                                 static_cast<FamilyId>(names.size() - 1));
  for (std::size_t id = 0; id < CommandCount(); ++id) {
    const auto& spec = CommandById(static_cast<CommandId>(id));
    families[id] = static_cast<FamilyId>(std::find(names.begin(), names.end(), spec.group) -
                                         names.begin());
  }
  return families;
}

}  // namespace

const std::vector<FamilyId> kFamilyOfId = IndexFamilies();

std::span<const std::string_view> FamilyNames() { return Names(); }

}  // namespace slotway::protocol
