// SPDX-License-Identifier: Apache-2.0
// The CLUSTER command: reads the request, changes the state or describes it, writes the reply.
//
// One entry point for the server to wire: RunClusterCommand(). What the command needs from
// outside (keys, disk, clock, randomness) comes in through ClusterCommandContext, so this stays
// free of I/O. Engine thread. Texts are those of Redis 7.0 and 7.2.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_writer.h"
#include "storage/cluster/cluster_bus.h"
#include "storage/cluster/cluster_replies.h"
#include "storage/cluster/cluster_state.h"
#include "storage/cluster/slot_guard.h"

namespace slotway::storage::cluster {

struct ClusterCommandContext {
  ClusterState& state;
  EndpointView view = {};
  std::int64_t my_repl_offset = 0;  // of this node, as it is now

  std::function<std::uint64_t(protocol::Slot)> count_keys = {};
  // At most `max` keys of the slot, appended.
  std::function<void(protocol::Slot, std::size_t max, std::vector<std::string>& keys)> get_keys =
      {};
  std::function<std::uint64_t()> count_all_keys = {};
  // Called whenever the command changed what nodes.conf holds: that has to be on the disk before
  // the reply leaves.
  std::function<void()> save = {};
  // Writes nodes.conf and waits for the disk; empty when done, else the reason.
  std::function<std::string()> save_now = {};
  std::function<std::array<std::uint8_t, 20>()> random_bytes = {};  // for the new id of RESET HARD
  ClusterBus* bus = nullptr;                                        // REQUIRES: set
  std::function<std::size_t(LinkId)> queued_bytes = {};
  std::uint64_t limit_exceeded_count = 0;  // links that were closed for what was queued on them
  // Set by what the replicas have to know before the reply leaves: see ClusterBus::TellShard().
  std::uint64_t shard_news = 0;
};

// `args` is the whole request ("CLUSTER", "SLOTS"); arity was checked against the command table.
// An unknown subcommand gets Redis's error. Writes exactly one reply.
void RunClusterCommand(ClusterCommandContext& context, std::span<const std::string_view> args,
                       ReplyWriter& writer);

inline constexpr std::string_view kClusterDisabled =
    "ERR This instance has cluster support disabled";

}  // namespace slotway::storage::cluster
