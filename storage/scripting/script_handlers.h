// SPDX-License-Identifier: Apache-2.0
// The commands of this folder. They need a ScriptEngine in ServerState::scripts.
#pragma once

#include "storage/commands/handler_table.h"

namespace slotway::storage {

void AddScriptHandlers(HandlerTable& table);

// The families.
std::span<const HandlerRow> EvalHandlers();
std::span<const HandlerRow> FunctionHandlers();

// Reads the number of keys in args[2]; answers an error and returns false if there are not so many.
// `not_a_number` is the error for what is no number.
bool ReadKeysOfCall(CommandContext& ctx, std::string_view not_a_number,
                    std::span<const std::string_view>& keys,
                    std::span<const std::string_view>& args);

}  // namespace slotway::storage
