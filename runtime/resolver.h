// SPDX-License-Identifier: Apache-2.0
// Turns host names into addresses without blocking the loop. Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/result.h"
#include "runtime/socket_address.h"

namespace slotway::runtime {

using OnResolved = std::function<void(Result<std::vector<SocketAddress>>)>;

// Calls `on_resolved` on the loop's thread, never from within this call: with at least one address
// or the reason why there is none. A numeric host is answered without asking anybody.
void Resolve(EventLoop& loop, const std::string& host, std::uint16_t port, OnResolved on_resolved);

}  // namespace slotway::runtime
