// SPDX-License-Identifier: Apache-2.0
// Commands that the table does not know, as a server describes them: modules, later versions.
//
// Read from the server's COMMAND reply. What the server does not call readonly counts as a write.
// Immutable; any thread.
#pragma once

#include <cstddef>
#include <map>
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

  // Ignores case; nullptr if it was not learned. The row lives as long as this does.
  const CommandSpec* Find(std::string_view name) const;
  std::size_t Size() const { return commands_.size(); }
  // In alphabetical order.
  std::vector<std::string_view> Names() const;

 private:
  struct Command {
    std::vector<std::string> keywords;  // of the key specs
    std::vector<KeySpec> key_specs;
    CommandSpec row{};
  };

  void Learn(const RespValue& entry);

  std::map<std::string, Command, std::less<>> commands_;
};

}  // namespace slotway::protocol
