// SPDX-License-Identifier: Apache-2.0
// What commands must know of replication: whose copy this is, how far the stream of changes is, who
// follows it.
//
// Written by the replication service, read by commands (INFO, ROLE, HELLO, the checks of writes).
// Engine thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slotway::storage {

inline constexpr std::string_view kNoReplicas = "NOREPLICAS Not enough good replicas to write.";
inline constexpr std::string_view kReadonly =
    "READONLY You can't write against a read only replica.";
inline constexpr std::string_view kMasterDown =
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";

inline constexpr std::string_view kLacksData =
    "LOADING This master was started with less data than its replicas may have: one of them is to "
    "take over";

// The history of a data set: two with the same id and offset are the same.
struct ReplicationHistory {
  std::string id;           // 40 hexadecimal digits
  std::int64_t offset = 0;  // bytes of the stream of changes up to now
  // Of which it is the continuation: up to this offset (not included) the two are the same.
  std::string id2 = std::string(40, '0');
  std::int64_t second_offset = -1;
  int stream_db = 0;  // which database the stream has selected last
};

// What a replica makes of its master.
enum class MasterLinkState : std::uint8_t {
  kNone,
  kConnect,
  kConnecting,
  kHandshake,  // it is connected, and both introduce themselves
  kSync,
  kConnected
};

struct MasterFacts {
  std::string host;
  int port = 0;
  MasterLinkState state = MasterLinkState::kNone;
  std::int64_t last_io_ms = 0;         // when it was heard last
  std::int64_t down_since_ms = 0;      // 0: it was never up
  bool has_copy = false;  // all its data has been here at some time
  std::uint64_t sync_total_bytes = 0;  // 0: not known beforehand
  std::uint64_t sync_read_bytes = 0;
  bool IsUp() const { return state == MasterLinkState::kConnected; }
};

struct ReplicaFacts {
  std::string host;
  int port = 0;
  std::string_view state;  // "wait_bgsave", "send_bulk", "online"
  std::int64_t acknowledged = 0;
  std::int64_t acknowledged_ms = 0;
  bool has_acknowledged = false;  // at least once, over this connection
};

// What a client has told of itself as a replica.
struct ReplicaTraits {
  int listening_port = 0;
  std::string announced_host;
  bool knows_mark = false;       // REPLCONF capa eof
  bool knows_histories = false;  // REPLCONF capa psync2
  bool is_psync = false;         // it came by PSYNC and acknowledges
};

struct ReplicationFacts {
  bool is_replica = false;
  bool lacks_data = false;  // a master of a cluster that must not serve what it has
  std::string_view failover_state = "no-failover";
  ReplicationHistory history;
  MasterFacts master;                  // of a replica
  std::vector<ReplicaFacts> replicas;  // those that are attached
  // Of those that are online, how far they are: the furthest first.
  std::vector<std::int64_t> acknowledged;
  // The most of the stream that one, two, ... replicas had together at some time: it is known to
  // so many, whoever of them has gone since. Begins anew when this server becomes a master.
  std::vector<std::int64_t> confirmed;
  std::int64_t last_change_offset = 0;  // behind the last change of data in the stream
  std::size_t good_replicas = 0;       // online, and heard within min-replicas-max-lag
  bool has_log = false;
  bool has_snapshot = false;  // one for replicas is at work
  std::int64_t log_first_offset = 0;
  std::int64_t log_bytes = 0;
  std::uint64_t full_syncs = 0;
  std::uint64_t partial_syncs = 0;
  std::uint64_t partial_syncs_refused = 0;
  std::uint64_t stream_input_bytes = 0;
  std::uint64_t stream_output_bytes = 0;
};

}  // namespace slotway::storage
