// SPDX-License-Identifier: Apache-2.0
// What the cluster bus remembers of another node, beside what ClusterState says of it.
//
// Values; engine thread. Times are BusHost::NowMs(); 0 is never.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "storage/cluster/bus_host.h"
#include "storage/cluster/bus_message.h"
#include "storage/cluster/node_id.h"
#include "storage/cluster/slot_bitmap.h"

namespace slotway::storage::cluster {

// What a node said last of its slots: the same again needs no look at 16384 slots.
struct SlotClaim {
  SlotBitmap slots;
  Epoch config_epoch{0};
  std::uint64_t owners_version = 0;  // when it was judged
  bool is_clean = false;             // every one of the slots was its own then
};

struct BusLink {
  std::optional<NodeId> node;  // outgoing: to whom; incoming: who was heard on it
  bool is_outgoing = false;
  LinkEnds ends = {};
  std::int64_t created_unix_ms = 0;
};

struct Peer {
  std::int64_t created_ms = 0;

  // ---- Links: ours to it carries our pings and its pongs, and its one to us the other way round.
  LinkId out = kNoLink;
  LinkId in = kNoLink;
  bool is_out_up = false;
  bool has_been_up = false;    // in the life of this process
  bool must_meet = false;      // the next ping is a MEET
  bool is_introduced = false;  // the link has carried our shard id
  std::int64_t link_created_ms = 0;
  std::int64_t refused_ms = 0;  // its host said last that nobody listens there

  // ---- Health
  std::int64_t ping_sent_ms = 0;   // the oldest ping without an answer, also of an earlier link
  std::deque<std::int64_t> pings;  // those of the present link that are unanswered
  std::deque<std::uint64_t> ping_news;  // and the news that were out when each was sent
  std::uint64_t knows_news = 0;         // answered a ping that was sent after them
  std::int64_t pong_received_ms = 0;
  std::int64_t answered_ms = 0;  // when the last ping left that it has answered in any way
  std::int64_t data_received_ms = 0;
  std::int64_t failed_ms = 0;              // since when kFailed
  std::map<NodeId, std::int64_t> reports;  // who says that it fails, since when last

  // ---- Promises
  std::int64_t granted_ms = 0;    // the last ping that it answered without calling me failed
  std::int64_t pong_sent_ms = 0;  // our last answer that it may take so

  // ---- What it says
  bool knows_extensions = false;
  bool knows_shard_ids = false;
  bool is_heard = false;           // in the life of this process
  std::int64_t lacks_data_ms = 0;  // its last message said that it serves nothing for want of data
  Epoch newest_epoch{0};           // its current epoch: what is older came late
  Epoch newest_config_epoch{0};    // as a master
  std::int64_t claimed_ms = 0;     // when its last config epoch was heard of
  std::optional<SlotClaim> claim;
  // Which voters it knew when it asked last as one that counts them.
  std::optional<std::vector<KnownVoter>> voters;

  bool has_had_replicas = false;
  std::int64_t orphaned_ms = 0;
};

}  // namespace slotway::storage::cluster
