// SPDX-License-Identifier: Apache-2.0
// What commands know of the client that sent them, and may change. Engine thread only.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/command.h"
#include "protocol/resp_writer.h"
#include "runtime/connection.h"

namespace slotway::storage {

// CLIENT REPLY.
enum class ReplyMode : std::uint8_t { kOn, kOff, kSkipNext, kSkipThis };

struct ClientState {
  std::uint64_t id = 0;
  int db_index = 0;
  protocol::RespVersion resp_version = protocol::RespVersion::kResp2;
  ReplyMode reply_mode = ReplyMode::kOn;
  bool is_authenticated = true;
  bool is_asking = false;    // ASKING: counts for the next command only
  bool is_readonly = false;  // READONLY: a replica may answer
  bool is_no_evict = false;
  bool is_no_touch = false;
  bool closes_after_reply = false;
  bool is_waiting = false;      // its last request is in ServerState::waiters
  bool denies_waiting = false;  // what would wait answers as if its time was up

  std::string name;
  std::string user = "default";
  std::string library_name;
  std::string library_version;
  std::int64_t created_ms = 0;
  std::int64_t last_active_ms = 0;
  const protocol::CommandSpec* last_command = nullptr;
  std::size_t multi_bulk_bytes = 0;

  runtime::Connection* connection = nullptr;  // nullptr: not a network client
  std::string address;                        // "ip:port", kept for CLIENT LIST
  std::string local_address;
};

}  // namespace slotway::storage
