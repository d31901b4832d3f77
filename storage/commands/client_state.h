// SPDX-License-Identifier: Apache-2.0
// What commands know of the client that sent them, and may change. Engine thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/acl_user.h"
#include "protocol/command.h"
#include "protocol/resp_writer.h"
#include "runtime/connection.h"
#include "storage/commands/held_replies.h"
#include "storage/commands/pubsub_channels.h"
#include "storage/commands/replication_facts.h"
#include "storage/commands/tracking_table.h"
#include "storage/commands/transaction.h"

namespace slotway::storage {

// CLIENT REPLY.
enum class ReplyMode : std::uint8_t { kOn, kOff, kSkipNext, kSkipThis };

// What a client may be beside ordinary: bits of ClientState::ways. While there are none, a request
// costs one comparison for all of them.
enum class ClientWay : std::uint8_t {
  kQueueing = 1u << 0,    // between MULTI and EXEC
  kSubscribed = 1u << 1,  // to a channel, pattern or shard channel
  kTracking = 1u << 2,    // CLIENT TRACKING
  kMonitoring = 1u << 3,  // MONITOR
  kReplica = 1u << 4,     // PSYNC, SYNC
  kImporting = 1u << 5,   // the stream of a master whose slots come here: see server/slot_imports.h
};

struct ClientState {
  std::uint64_t id = 0;
  std::uint64_t requests = 0;  // so far, the one that runs included
  int db_index = 0;
  std::uint8_t ways = 0;
  protocol::RespVersion resp_version = protocol::RespVersion::kResp2;
  ReplyMode reply_mode = ReplyMode::kOn;
  bool is_authenticated = true;
  // It has not logged in, or its user may not do everything: each request needs a look.
  bool is_restricted = false;
  bool is_asking = false;    // ASKING: counts for the next command only
  bool is_readonly = false;  // READONLY: a replica may answer
  bool is_no_evict = false;
  bool is_no_touch = false;
  bool closes_after_reply = false;
  bool is_waiting = false;          // its last request is in ServerState::waiters
  bool is_held_back = false;        // by CLIENT PAUSE
  bool is_held_full = false;        // not read, for what it has in `held`
  bool confirms_held = false;       // its next output was held: see ShardSession::IsFlushWanted()
  bool is_script = false;           // no client: what a script calls runs for it
  bool is_master = false;           // the stream of the own master
  bool denies_waiting = false;      // what would wait answers as if its time was up
  bool has_watched_change = false;  // of a key that it watches: EXEC will not run

  std::int64_t replicas_to_ack = 0;  // CLIENT ACK-REPLICAS; kMajorityOfShard: the majority
  std::unique_ptr<HeldOutput> held;  // nullptr: nothing is

  std::string name;
  const protocol::AclUser* user = nullptr;  // nullptr: of no server with users, as in tests
  std::string library_name;
  std::string library_version;
  std::int64_t created_ms = 0;
  std::int64_t last_active_ms = 0;
  const protocol::CommandSpec* last_command = nullptr;
  std::size_t understood_bytes = 0;  // of a request in its input that is not complete
  std::size_t batch_bytes = 0;       // of the input that its requests are read from, while they run

  runtime::Connection* connection = nullptr;  // nullptr: not a network client
  std::string address;                        // "ip:port", kept for CLIENT LIST
  std::string local_address;

  // What its shard has to know before its replies leave, and until when that may take; 0: nothing.
  std::uint64_t shard_news = 0;
  std::int64_t shard_news_until_ms = 0;

  bool is_cut = false;  // its connection is about to be closed
  // See ClientMemory.
  static constexpr std::uint8_t kNoBucket = 255;
  std::uint8_t memory_bucket = kNoBucket;
  std::uint32_t place_in_bucket = 0;
  std::size_t counted_bytes = 0;
  std::size_t watched_bytes = 0;                 // of the keys that it watches
  std::int64_t soft_limit_since_ms = 0;          // since when it has too much output; 0: it has not
  std::unique_ptr<Transaction> transaction;      // between MULTI and EXEC
  std::unique_ptr<Subscriptions> subscriptions;  // nullptr: none
  std::unique_ptr<ClientTracking> tracking;      // nullptr: off
  std::unique_ptr<ReplicaTraits> replica;        // nullptr: it has said nothing of itself as one

  std::string_view UserName() const {
    return user != nullptr ? std::string_view(user->Name()) : "default";
  }
  bool Is(ClientWay way) const { return (ways & static_cast<std::uint8_t>(way)) != 0; }
  void Set(ClientWay way) { ways |= static_cast<std::uint8_t>(way); }
  void Clear(ClientWay way) { ways &= static_cast<std::uint8_t>(~static_cast<unsigned>(way)); }
};

}  // namespace slotway::storage
