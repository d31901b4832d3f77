// SPDX-License-Identifier: Apache-2.0
// The steps that commands which change a cluster have in common. Each blocks, and may be repeated.
#pragma once

#include <string>
#include <vector>

#include "proxy/cluster_tool/cluster_session.h"
#include "proxy/cluster_tool/slot_plan.h"
#include "runtime/result.h"

namespace slotway::proxy {

runtime::Result<void> MoveSlots(ClusterSession& session, const std::vector<SlotMove>& moves,
                                const ToolLogin& login);
// Functions are everywhere, so a new node gets them before it has slots.
runtime::Result<void> CopyFunctions(ClusterSession& session, const std::string& from,
                                    const std::string& to);
// No other node knows this one any more, and it knows none, if it was reached.
runtime::Result<void> Forget(ClusterSession& session, const std::string& id);
// After slots have moved, before somebody who had them goes.
void LetClientsHear(ClusterSession& session);

}  // namespace slotway::proxy
