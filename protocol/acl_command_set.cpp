// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_command_set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>

#include "protocol/ascii.h"

namespace slotway::protocol {

void AclCommandSet::SetAll(bool is_allowed) {
  assert(CommandIdCount() <= kAclCommandBits);
  if (is_allowed) {
    bits_.set();
  } else {
    bits_.reset();
  }
  named_ = bits_;
  allows_unknown_ = is_allowed;
  first_arguments_.clear();
}

void AclCommandSet::Set(const CommandSpec& command, bool is_allowed, bool is_named) {
  const auto set = [&](CommandId id) {
    bits_[id] = is_allowed;
    named_[id] = is_named;
  };
  set(IdOf(command));
  first_arguments_.erase(IdOf(command));
  for (const CommandSpec& subcommand : command.subcommands) set(IdOf(subcommand));
}

void AclCommandSet::SetCategory(FlagSet<AclCategory> category, bool is_allowed) {
  constexpr auto kNaming = AclCategory::kAdmin | AclCategory::kDangerous;
  const Bits named = named_;
  for (std::size_t id = 0; id < CommandCount(); ++id) {
    const CommandSpec& command = CommandById(static_cast<CommandId>(id));
    if ((command.categories.bits & category.bits) != 0) Set(command, is_allowed);
  }
  // Who may run all that is slow is not meant to have the dangerous among it.
  if (is_allowed && (category.bits & kNaming.bits) == 0) named_ = named;
}

void AclCommandSet::Withhold(const AclCommandSet& dangerous, const AclCommandSet& denied) {
  bits_ &= ~denied.bits_ & (named_ | ~dangerous.bits_);
  named_ &= bits_;
  std::erase_if(first_arguments_, [&](const auto& entry) { return denied.Allows(entry.first); });
}

void AclCommandSet::AllowFirstArgument(const CommandSpec& command, std::string_view argument) {
  std::vector<std::string>& known = first_arguments_[IdOf(command)];
  const bool is_known = std::ranges::any_of(
      known, [&](const std::string& other) { return EqualsNoCase(other, argument); });
  if (!is_known) known.emplace_back(argument);
}

bool AclCommandSet::AllowsByArgument(CommandId id, std::span<const std::string_view> args) const {
  return args.size() > 1 &&
         std::ranges::any_of(FirstArguments(id), [&](const std::string& argument) {
           return EqualsNoCase(argument, args[1]);
         });
}

std::span<const std::string> AclCommandSet::FirstArguments(CommandId id) const {
  const auto found = first_arguments_.find(id);
  if (found == first_arguments_.end()) return {};
  return found->second;
}

AclCommandSet::Count AclCommandSet::CountOf(AclCategory category) const {
  const Bits& all = BitsOf(category);
  const std::size_t allowed = (all & bits_).count();
  return {allowed, all.count() - allowed};
}

const AclCommandSet::Bits& AclCommandSet::BitsOf(AclCategory category) {
  static const auto by_bit = [] {
    std::array<Bits, 32> all;
    for (std::size_t id = 0; id < CommandCount(); ++id) {
      const std::uint32_t categories = CommandById(static_cast<CommandId>(id)).categories.bits;
      for (std::size_t bit = 0; bit < all.size(); ++bit)
        all[bit][id] = (categories >> bit & 1) != 0;
    }
    return all;
  }();
  return by_bit[static_cast<std::size_t>(std::countr_zero(static_cast<std::uint32_t>(category)))];
}

}  // namespace slotway::protocol
