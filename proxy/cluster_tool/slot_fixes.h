// SPDX-License-Identifier: Apache-2.0
// Finishes what was begun with slots: moves that were interrupted, keys whose slot nobody owns.
#pragma once

#include "proxy/cluster_tool/cluster_session.h"
#include "proxy/cluster_tool/slot_mover.h"

namespace slotway::proxy {

// How many slots were put right. Slots without owner and without keys are left as they are.
runtime::Result<int> FixSlots(ClusterSession& session, SlotMover& mover);

// Gives slots that nobody owns to the masters that are chosen of `nodes` (ids): to each those of
// its part. How many slots were given.
runtime::Result<int> CoverSlots(ClusterSession& session, const std::vector<std::string>& nodes,
                                std::size_t masters);

}  // namespace slotway::proxy
