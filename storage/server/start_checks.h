// SPDX-License-Identifier: Apache-2.0
// What the system has against a start. Any thread.
#pragma once

#include <cstdint>

namespace slotway::storage {

// Raises the limit of open files to `maxclients` and a reserve for what else a process opens.
void WarnOfTooFewFiles(std::int64_t maxclients);

}  // namespace slotway::storage
