// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/command_context.h"

#include <string>

namespace slotway::storage {

void CommandContext::ArityError() { Error(protocol::error_text::WrongArity(spec.name)); }

void CommandContext::SubcommandError(std::string_view container) {
  std::string text = "ERR unknown subcommand or wrong number of arguments for '";
  text.append(args.size() > 1 ? args[1].substr(0, 128) : std::string_view());
  text.append("'. Try ").append(container).append(" HELP.");
  Error(text);
}

void CommandContext::InvalidExpireError() {
  std::string text = "ERR invalid expire time in '";
  text.append(spec.name).append("' command");
  Error(text);
}

bool EqualsNoCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace slotway::storage
