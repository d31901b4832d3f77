// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/slow_log.h"

#include <algorithm>
#include <utility>

#include "protocol/secret_arguments.h"

namespace slotway::storage {

std::vector<std::string> SlowLog::Shortened(const protocol::CommandSpec& spec,
                                            std::span<const std::string_view> args) {
  const bool are_too_many = args.size() > kArgsMax;
  const std::size_t count = are_too_many ? kArgsMax - 1 : args.size();
  std::vector<std::string> kept;
  kept.reserve(std::min(args.size(), kArgsMax));
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view arg =
        protocol::IsSecretArgument(spec, args, i) ? protocol::kRedacted : args[i];
    std::string& text = kept.emplace_back(arg.substr(0, kArgBytesMax));
    if (arg.size() <= kArgBytesMax) continue;
    text += "... (" + std::to_string(arg.size() - kArgBytesMax) + " more bytes)";
  }
  if (are_too_many) {
    kept.push_back("... (" + std::to_string(args.size() - count) + " more arguments)");
  }
  return kept;
}

void SlowLog::Add(SlowCommand command, std::size_t entries_max) {
  command.id = next_id_++;
  commands_.push_front(std::move(command));
  DropBeyond(entries_max);
}

void SlowLog::DropBeyond(std::size_t entries_max) {
  if (commands_.size() > entries_max)
    commands_.erase(commands_.begin() + static_cast<std::ptrdiff_t>(entries_max), commands_.end());
}

}  // namespace slotway::storage
