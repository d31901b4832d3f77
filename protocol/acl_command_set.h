// SPDX-License-Identifier: Apache-2.0
// Which commands an ACL selector allows: one bit per row of the command table, and first arguments
// that are allowed of commands that are not.
//
// A rule about a container is about its subcommands, too. A value; not thread-safe while changed.
#pragma once

#include <bitset>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command.h"
#include "protocol/command_table.h"

namespace slotway::protocol {

inline constexpr std::size_t kAclCommandBits = 512;  // CommandIdCount() is less

class AclCommandSet {
 public:
  // Also commands that are not in the table and may come to be known (learned_commands.h).
  void SetAll(bool is_allowed);
  void Set(const CommandSpec& command, bool is_allowed) { Set(command, is_allowed, is_allowed); }
  // See Names().
  void AllowUnnamed(const CommandSpec& command) { Set(command, true, false); }
  void SetCategory(FlagSet<AclCategory> category, bool is_allowed);
  // +select|0: as long as the command itself is not allowed.
  void AllowFirstArgument(const CommandSpec& command, std::string_view argument);

  // Takes away what of `dangerous` it does not name, and all of `denied`.
  void Withhold(const AclCommandSet& dangerous, const AclCommandSet& denied);

  // No command needs a look.
  bool AllowsAll() const { return bits_.all(); }
  // Whether the latest rule about all commands was +@all.
  bool AllowsUnknown() const { return allows_unknown_; }
  bool Allows(CommandId id) const { return bits_[id]; }
  bool Allows(const CommandSpec& command) const { return bits_[IdOf(command)]; }
  // Whether args[1] makes it allowed.
  bool AllowsByArgument(CommandId id, std::span<const std::string_view> args) const;
  std::span<const std::string> FirstArguments(CommandId id) const;
  // Whether the rule that allows it is about it more than by the way: it says its name, +@all,
  // +@admin or +@dangerous.
  bool Names(CommandId id) const { return named_[id]; }
  // How many commands of a category it allows, and how many it does not.
  struct Count {
    std::size_t allowed;
    std::size_t denied;
  };
  Count CountOf(AclCategory category) const;
  // Whether both allow the same commands, first arguments apart.
  bool HasSameCommands(const AclCommandSet& other) const { return bits_ == other.bits_; }

 private:
  using Bits = std::bitset<kAclCommandBits>;
  static const Bits& BitsOf(AclCategory category);
  void Set(const CommandSpec& command, bool is_allowed, bool is_named);

  Bits bits_;
  Bits named_;  // a part of them
  bool allows_unknown_ = false;
  std::map<CommandId, std::vector<std::string>> first_arguments_;
};

}  // namespace slotway::protocol
