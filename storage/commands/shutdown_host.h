// SPDX-License-Identifier: Apache-2.0
// What SHUTDOWN asks of the server above the commands. Engine thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/commands/persistence_host.h"

namespace slotway::storage {

inline constexpr std::string_view kShutdownFailed = "ERR Errors trying to SHUTDOWN. Check logs.";

class ShutdownHost {
 public:
  virtual ~ShutdownHost() = default;

  // Begins to end the process. Nothing: it has ended, or something is waited for first; then who
  // waits for SHUTDOWN is answered when nothing comes of it. Else the error, and it goes on.
  virtual std::optional<std::string> Begin(const ShutdownRequest& request) = 0;
  // False if there is nothing to abort.
  virtual bool Abort() = 0;
};

}  // namespace slotway::storage
