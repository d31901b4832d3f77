// SPDX-License-Identifier: Apache-2.0
// What a client has told us about itself, and what CLIENT INFO shows of it. A value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/acl_user.h"
#include "protocol/command.h"
#include "protocol/command_table.h"
#include "protocol/resp_writer.h"

namespace slotway::proxy {

enum class ReplyMode : std::uint8_t { kOn, kOff, kSkipNext };

// Ways of a session that its requests take instead of, or before, the usual one; any of them.
enum SessionWays : std::uint8_t {
  kQueuesTransaction = 1,  // between MULTI and EXEC
  kListens = 2,            // subscribed, in RESP2: few commands are allowed
  kMonitors = 4,
  kOwnConnections = 8,     // its reads are tracked: it has connections to the shards of its own
  // Those of all sessions of a worker at once (WorkerServices::common_ways):
  kPaused = 16,            // CLIENT PAUSE is on
  kIsWatched = 32,         // somebody monitors
};

inline constexpr protocol::CommandId kNoCommand = 0xffff;

struct SessionState {
  std::uint64_t id = 0;
  std::uint64_t connected_at_ms = 0;  // loop time
  std::uint64_t last_request_at_ms = 0;
  std::size_t local_request_bytes = 0;  // of what the proxy is answering itself
  std::string name;
  std::string library_name;
  std::string library_version;
  protocol::RespVersion resp = protocol::RespVersion::kResp2;
  ReplyMode reply_mode = ReplyMode::kOn;
  std::uint16_t database = 0;
  std::size_t channels = 0;  // subscribed to
  std::size_t patterns = 0;
  std::size_t shard_channels = 0;
  std::uint8_t ways = 0;  // SessionWays
  const protocol::AclUser* user = nullptr;  // of the worker's users; the default one at first
  bool is_authenticated = false;
  bool is_turned_away = false;  // it came as a user who has all connections that it may have
  bool is_restricted = false;  // its user may not do everything: each request is looked at
  bool is_executing = false;   // the transaction that EXEC carries out
  bool is_no_evict = false;
  bool is_readonly = false;  // READONLY was asked for
  bool is_no_touch = false;
  std::uint8_t acks = 0;  // CLIENT ACK-REPLICAS, as Lane::Acks()
  protocol::CommandId last_command = kNoCommand;
  std::string last_learned;  // its name, if the table does not know it
};

}  // namespace slotway::proxy
