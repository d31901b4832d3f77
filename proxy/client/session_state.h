// SPDX-License-Identifier: Apache-2.0
// What a client has told us about itself, and what CLIENT INFO shows of it. A value.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/resp_writer.h"

namespace slotway::proxy {

enum class ReplyMode : std::uint8_t { kOn, kOff, kSkipNext };

struct SessionState {
  std::uint64_t id = 0;
  std::uint64_t connected_at_ms = 0;  // loop time
  std::uint64_t last_request_at_ms = 0;
  std::string name;
  std::string library_name;
  std::string library_version;
  protocol::RespVersion resp = protocol::RespVersion::kResp2;
  ReplyMode reply_mode = ReplyMode::kOn;
  bool is_authenticated = false;
  bool is_no_evict = false;
  bool is_readonly = false;  // READONLY was asked for
};

}  // namespace slotway::proxy
