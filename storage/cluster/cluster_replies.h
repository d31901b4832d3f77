// SPDX-License-Identifier: Apache-2.0
// What CLUSTER NODES, INFO, SLOTS, SHARDS and their kin answer, from the state alone.
//
// Pure; engine thread. Shapes are those of Redis 7.0 and 7.2 in both protocol versions.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "protocol/resp_writer.h"
#include "storage/cluster/cluster_bus.h"
#include "storage/cluster/cluster_state.h"
#include "storage/cluster/slot_guard.h"

namespace slotway::storage::cluster {

using ReplyWriter = protocol::RespWriter<protocol::StringSink>;

void WriteNodes(const ClusterState& state, EndpointView view, ReplyWriter& writer);
void WriteInfo(const ClusterState& state, const BusCounters& counters,
               std::uint64_t limit_exceeded_count, ReplyWriter& writer);
void WriteLinks(const std::vector<LinkDescription>& links,
                const std::function<std::size_t(LinkId)>& queued_bytes, ReplyWriter& writer);
// `my_repl_offset` stands in for what the state says of myself, which only peers tell. Replicas
// that hold no data (offset 0) are left out: clients would read nothing from them.
void WriteSlots(const ClusterState& state, EndpointView view, std::int64_t my_repl_offset,
                ReplyWriter& writer);
void WriteShards(const ClusterState& state, EndpointView view, std::int64_t my_repl_offset,
                 ReplyWriter& writer);
void WriteReplicas(const ClusterState& state, NodeIndex master, EndpointView view,
                   ReplyWriter& writer);
void WriteHelp(ReplyWriter& writer);

}  // namespace slotway::storage::cluster
