// SPDX-License-Identifier: Apache-2.0
#include "protocol/shown_arguments.h"

#include <algorithm>

#include "protocol/secret_arguments.h"

namespace slotway::protocol {

std::vector<std::string> ShownArguments(const CommandSpec& spec,
                                        std::span<const std::string_view> args) {
  const bool are_too_many = args.size() > kShownArgsMax;
  const std::size_t count = are_too_many ? kShownArgsMax - 1 : args.size();
  std::vector<std::string> kept;
  kept.reserve(std::min(args.size(), kShownArgsMax));
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view arg = IsSecretArgument(spec, args, i) ? kRedacted : args[i];
    std::string& text = kept.emplace_back(arg.substr(0, kShownArgBytesMax));
    if (arg.size() <= kShownArgBytesMax) continue;
    text += "... (" + std::to_string(arg.size() - kShownArgBytesMax) + " more bytes)";
  }
  if (are_too_many) {
    kept.push_back("... (" + std::to_string(args.size() - count) + " more arguments)");
  }
  return kept;
}

}  // namespace slotway::protocol
