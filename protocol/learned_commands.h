// SPDX-License-Identifier: Apache-2.0
// Commands that the table does not know, as a server describes them: modules, later versions.
//
// Read from the server's COMMAND reply. What the server does not call readonly counts as a write.
// Immutable; any thread.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command.h"
#include "protocol/resp_reply_value.h"

namespace slotway::protocol {

class LearnedCommands {
 public:
  // `reply`: of COMMAND, in RESP2. Entries that make no sense are passed over.
  explicit LearnedCommands(const RespValue& reply);
  LearnedCommands(const LearnedCommands&) = delete;
  LearnedCommands& operator=(const LearnedCommands&) = delete;

  // The row of that full name ("mod.get", "mod.config|get"), ignoring case; nullptr if it was not
  // learned. Rows live as long as this does.
  const CommandSpec* Find(std::string_view full_name) const;
  // The row that governs a request: a subcommand's, if it names one.
  const CommandSpec* Find(std::span<const std::string_view> args) const;
  // Without subcommands, in alphabetical order.
  std::span<const CommandSpec* const> TopLevel() const { return top_level_; }

 private:
  struct Command {
    std::vector<std::string> keywords;  // of the key specs
    std::vector<KeySpec> key_specs;
    std::vector<CommandSpec> subcommands;
    CommandSpec row{};
  };

  void Learn(const RespValue& entry);
  // `container`: of whom it has to be a subcommand, if not empty. nullptr if it makes no sense.
  Command* LearnRow(const RespValue& entry, std::string_view container);

  std::map<std::string, Command, std::less<>> commands_;  // by full name
  std::vector<const CommandSpec*> top_level_;
};

}  // namespace slotway::protocol
