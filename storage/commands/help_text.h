// SPDX-License-Identifier: Apache-2.0
// What X HELP answers: one line each, framed the way clients show it.
#pragma once

#include <span>
#include <string_view>

#include "storage/commands/command_context.h"

namespace slotway::storage {

// `container` in capitals. The lines about HELP itself are added.
void ReplyHelp(CommandContext& ctx, std::string_view container,
               std::span<const std::string_view> lines);

}  // namespace slotway::storage
