// SPDX-License-Identifier: Apache-2.0
// What is known of a server-driven migration of slots, on either side, and how it is shown.
//
// The names are Valkey 9's: CLUSTER GETSLOTMIGRATIONS answers a list of maps. Pure; engine thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "storage/cluster/cluster_replies.h"
#include "storage/cluster/node_id.h"
#include "storage/cluster/slot_ranges.h"

namespace slotway::storage::cluster {

enum class MigrationState : std::uint8_t {
  kQueued,              // another one is at work
  kConnecting,          // to the target
  kAuthenticating,      // there
  kEstablishing,        // the target is to expect the slots
  kWaitingForSnapshot,  // one for something else is at work
  kSnapshotting,
  kStreaming,  // what has changed since
  kPausing,    // the target has been asked how long it may take over
  kHandover,   // clients are held, and the target takes over
  kSuccess,
  kFailed,
  kCancelled,
};
std::string_view TextOf(MigrationState state);
inline bool IsOver(MigrationState state) { return state >= MigrationState::kSuccess; }

struct MigrationRecord {
  std::string name;  // 40 hexadecimal digits, the same on both sides
  bool is_export = true;
  SlotRanges ranges;
  NodeId source;
  NodeId target;
  std::int64_t created_s = 0;  // Unix time, as the two below
  std::int64_t updated_s = 0;
  std::int64_t acknowledged_s = 0;  // when the other side was heard last
  MigrationState state = MigrationState::kQueued;
  std::string message;              // why it failed
  std::uint64_t keys = 0;           // of the snapshot, sent or taken
  std::uint64_t bytes = 0;          // sent or taken in all
  std::uint64_t pending_bytes = 0;  // of a source: not yet acknowledged
};

// Those that have ended, the newest first; beyond a number the oldest go.
class MigrationLog {
 public:
  void Add(MigrationRecord record, std::size_t length_max);
  const std::deque<MigrationRecord>& Records() const { return records_; }

 private:
  std::deque<MigrationRecord> records_;
};

void WriteMigrations(const std::vector<const MigrationRecord*>& records, ReplyWriter& writer);

}  // namespace slotway::storage::cluster
