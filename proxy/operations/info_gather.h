// SPDX-License-Identifier: Apache-2.0
// INFO: asks every master that can be reached now, waits for them a bounded time, and answers with
// what has come and what the proxy says of itself. A shard that hangs or is down does not fail it.
#pragma once

#include <vector>

#include "proxy/operations/info_merge.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {

void GatherInfo(const OperationContext& context, std::vector<OwnInfoField> own);

}  // namespace slotway::proxy
