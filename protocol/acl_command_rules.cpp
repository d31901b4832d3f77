// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_command_rules.h"

#include <limits>
#include <optional>
#include <vector>

namespace slotway::protocol {
namespace {

// How a category fits a set of commands.
struct Fit {
  std::size_t same = 0;
  std::size_t different = 0;

  bool IsBetterThan(const Fit& other) const {
    return different < other.different || (different == other.different && same > other.same);
  }
};

Fit FitOf(AclCategory category, const AclCommandSet& commands, bool is_additive) {
  const auto [allowed, denied] = commands.CountOf(category);
  return is_additive ? Fit{allowed, denied} : Fit{denied, allowed};
}

// The category that fits best of those that are not used yet and fit more than they do not.
std::optional<AclCategory> BestCategory(const AclCommandSet& commands, bool is_additive,
                                        FlagSet<AclCategory> used) {
  std::optional<AclCategory> best;
  Fit best_fit{0, std::numeric_limits<std::size_t>::max()};
  for (AclCategory category : AllAclCategories()) {
    if (used.Has(category)) continue;
    const Fit fit = FitOf(category, commands, is_additive);
    if (fit.same <= fit.different || !fit.IsBetterThan(best_fit)) continue;
    best = category;
    best_fit = fit;
  }
  return best;
}

void AddRule(std::string& rules, bool is_allowed, std::string_view what) {
  rules += is_allowed ? " +" : " -";
  rules += what;
}

}  // namespace

std::string AclCommandRules(const AclCommandSet& commands, bool tells_names) {
  const bool is_additive = !commands.AllowsUnknown();
  std::string rules = is_additive ? "-@all" : "+@all";
  AclCommandSet described;  // what the rules so far give
  described.SetAll(!is_additive);
  AclCommandSet rest = commands;  // less what a category has covered
  FlagSet<AclCategory> used;
  while (const auto category = BestCategory(rest, is_additive, used)) {
    AddRule(rules, is_additive, "@" + std::string(AclCategoryName(*category)));
    described.SetCategory(*category, is_additive);
    rest.SetCategory(*category, !is_additive);
    used = used | *category;
  }
  for (std::size_t id = 0; id < CommandCount(); ++id) {
    const auto command_id = static_cast<CommandId>(id);
    const CommandSpec& command = CommandById(command_id);
    const bool is_allowed = commands.Allows(command_id);
    if (described.Allows(command_id) != is_allowed) {
      AddRule(rules, is_allowed, command.name);
      described.Set(command, is_allowed);
    }
    if (is_allowed) continue;
    for (const std::string& argument : commands.FirstArguments(command_id)) {
      AddRule(rules, true, std::string(command.name) + '|' + argument);
    }
  }
  for (std::size_t id = 0; tells_names && id < CommandCount(); ++id) {
    const auto command_id = static_cast<CommandId>(id);
    const CommandSpec& command = CommandById(command_id);
    // A rule for a command with subcommands would allow all of them.
    if (!command.subcommands.empty()) continue;
    if (!commands.Allows(command_id) || commands.Names(command_id) == described.Names(command_id)) {
      continue;
    }
    const bool is_named = commands.Names(command_id);
    rules += (is_named ? " +" : " +?") + std::string(command.name);
    is_named ? described.Set(command, true) : described.AllowUnnamed(command);
  }
  return rules;
}

}  // namespace slotway::protocol
