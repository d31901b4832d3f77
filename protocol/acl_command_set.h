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
  void Set(const CommandSpec& command, bool is_allowed);
  void SetCategory(FlagSet<AclCategory> category, bool is_allowed);
  // +select|0: as long as the command itself is not allowed.
  void AllowFirstArgument(const CommandSpec& command, std::string_view argument);

  // No command needs a look.
  bool AllowsAll() const { return bits_.all(); }
  // Whether the latest rule about all commands was +@all.
  bool AllowsUnknown() const { return allows_unknown_; }
  bool Allows(CommandId id) const { return bits_[id]; }
  bool Allows(const CommandSpec& command) const { return bits_[IdOf(command)]; }
  // Whether args[1] makes it allowed.
  bool AllowsByArgument(CommandId id, std::span<const std::string_view> args) const;
  std::span<const std::string> FirstArguments(CommandId id) const;
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

  Bits bits_;
  bool allows_unknown_ = false;
  std::map<CommandId, std::vector<std::string>> first_arguments_;
};

}  // namespace slotway::protocol
