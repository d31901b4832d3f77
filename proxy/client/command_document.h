// SPDX-License-Identifier: Apache-2.0
// docs/commands.md: what happens to every command, written from the tables that decide it.
#pragma once

#include <string>

namespace slotway::proxy {

std::string CommandDocument();

}  // namespace slotway::proxy
