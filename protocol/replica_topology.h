// SPDX-License-Identifier: Apache-2.0
// The topology of one master with replicas: who of several nodes is master, from what each says.
//
// Its master owns all slots, so that requests find it as they find a cluster's masters. Pure.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "protocol/replication_info.h"
#include "protocol/topology.h"

namespace slotway::protocol {

// What a node said of itself.
struct ReplicationView {
  Endpoint endpoint;  // numeric: where it answered
  ReplicationInfo info;
};

// The master among `views`, or nullptr if none says that it is one. `known`, who was master until
// now, stays it as long as it answers as one: a second master may be a copy that somebody took.
// Otherwise, of several: who is followed by more of the others; then who was promoted from the
// other's history; then who has written more; then who comes first.
const ReplicationView* ChooseMaster(const std::vector<ReplicationView>& views,
                                    const Endpoint* known);

// The topology with `master`, one of `views`. Replicas are the nodes that follow its history;
// nodes of another history are left out. Of `silent` ones, those that `known` (may be null) lists
// stay: as suspected, and the former master as failing, since what it was sent it will not answer.
Topology TopologyOfReplicas(const std::vector<ReplicationView>& views,
                            const ReplicationView& master, const std::vector<Endpoint>& silent,
                            const Topology* known);

// The endpoint of the one master of such a topology; nullptr if there is none.
const Endpoint* MasterOf(const Topology* topology);

}  // namespace slotway::protocol
