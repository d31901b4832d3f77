// SPDX-License-Identifier: Apache-2.0
// One client as a line of CLIENT LIST: "id=3 addr=127.0.0.1:40000 ...".
#pragma once

#include <cstdint>
#include <string>

#include "storage/commands/client_state.h"

namespace slotway::storage {

std::string DescribeClient(const ClientState& client, std::int64_t now_ms);

}  // namespace slotway::storage
