// SPDX-License-Identifier: Apache-2.0
// SLOTWAY SLOWLOG: the proxy's slow requests, and of each how long it took within its shard, as far as
// the shard's own slow log says.
#pragma once

#include <vector>

#include "proxy/meters/slow_requests.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {

// Asks the masters that can be reached now. An array with a map for each request, in their order.
void ReplySlowRequests(const OperationContext& context, std::vector<SlowRequest> requests);

}  // namespace slotway::proxy
