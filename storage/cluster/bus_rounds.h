// SPDX-License-Identifier: Apache-2.0
// What the cluster bus is in the middle of: elections, promises, changes of role that were asked
// for.
//
// Values; engine thread. Times are BusHost::NowMs(); 0 is never, or none.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "storage/cluster/node_id.h"
#include "storage/cluster/slot_bitmap.h"

namespace slotway::storage::cluster {

struct Election {
  std::int64_t starts_ms = 0;                   // 0: none
  std::int64_t asked_ms = 0, requested_ms = 0;  // the shard, the voters; 0: not yet
  int rank = 0;
  Epoch epoch{0};
  std::set<NodeId> votes;
};

// An election that was won, on its way to the disk: before it is there nothing has changed.
struct Victory {
  NodeId old_master;
  Epoch epoch{0};
  std::int64_t free_until_ms = 0;  // see Takeover
  bool is_voted = false;           // by a majority; else by TAKEOVER
  std::set<NodeId> votes = {};     // where its promises are built on: see Takeover
};

// Of a master with a new claim, until those have answered it who have to know of it.
struct Takeover {
  std::int64_t begun_ms = 0;
  std::int64_t free_until_ms = 0;  // for so long nobody else serves the slots: see bus_lease.cpp
  std::optional<NodeId> from;      // whom a majority has replaced by it
  std::set<NodeId> votes;          // whose promises it builds on; empty: on nobody's
};

struct ManualFailover {
  std::int64_t ends_ms = 0;
  std::int64_t begun_ms = 0;
  std::optional<NodeId> replica;              // on the master
  std::optional<std::int64_t> target_offset;  // on the replica
  std::int64_t agreed_ms = 0;  // on the replica: when the master was heard to hold back writes
  bool can_start = false;
};

// What a vote promises: for a while nobody else gets these slots, by a vote or by the lease.
struct VotePromise {
  NodeId candidate;
  SlotBitmap slots;
  std::int64_t ends_ms = 0;
};

// A request for a vote that may be granted in a moment.
struct PendingVote {
  NodeId candidate;
  Epoch epoch{0};
  Epoch config_epoch{0};
  SlotBitmap slots;
  bool is_forced = false;
  std::int64_t ends_ms = 0;
};

// Of a master that was started and does not know yet whether a replica has more of its data.
struct Recovery {
  std::int64_t begun_ms = 0;
  std::int64_t seen_ms = 0;          // a replica with more data, the last time
  std::int64_t asked_ms = 0;         // a replica to take over, the last time
  int asked_count = 0;               // since it was silent last
  std::int64_t silent_until_ms = 0;  // so that the others give it up
};

// Which replicas may be asked to take over: all, or those without cluster-replica-no-failover.
enum class Heirs : std::uint8_t { kAll, kThoseThatFailOver };

// Of a master that wants to go and has asked a replica to take over.
struct Handover {
  std::int64_t ends_ms = 0;
  std::optional<NodeId> replica;
};

}  // namespace slotway::storage::cluster
