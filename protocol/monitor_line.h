// SPDX-License-Identifier: Apache-2.0
// What MONITOR shows of one request. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/command.h"

namespace slotway::protocol {

// Appends `+1700000000.000042 [0 127.0.0.1:40000] "set" "k" "v"` with its line end. What is secret
// is not shown.
void AppendMonitorLine(const CommandSpec& spec, std::span<const std::string_view> args,
                       std::int64_t unix_us, int database, std::string_view client,
                       std::string& out);

}  // namespace slotway::protocol
