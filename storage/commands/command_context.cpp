// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/command_context.h"

#include <string>
#include <utility>

namespace slotway::storage {

bool CommandContext::WaitFor(const Wait& wait, std::vector<std::string> run_again) {
  if (client.denies_waiting) return false;
  if (is_run_again) {
    still_waits = true;
    return true;
  }
  WaitingRequest request;
  request.spec = &spec;
  request.args = std::move(run_again);
  if (request.args.empty()) request.args.assign(args.begin(), args.end());
  request.db_index = client.db_index;
  request.type = wait.type;
  request.minds_absence = wait.minds_absence;
  request.counts_replicas = wait.counts_replicas;
  request.deadline_ms = wait.deadline_ms;
  request.keys.assign(wait.keys.begin(), wait.keys.end());
  server.waiters.Add(client, std::move(request));
  return true;
}

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
