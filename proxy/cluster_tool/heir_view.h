// SPDX-License-Identifier: Apache-2.0
// Whether a master can hand over to a replica, from what it says of its shard (CLUSTER SHARDS).
//
// Pure. A master hears how much data a replica has about once a second; to one that it has not heard
// to have any it hands nothing over, although that may have everything by now.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/resp_reply_value.h"

namespace slotway::proxy {

enum class HeirView : std::uint8_t {
  kNobody,   // has no replica that lives, or is no master
  kUnheard,  // has one, which has not been heard to have data
  kReady
};

HeirView ReadHeir(const protocol::RespValue& shards, std::string_view master_id);

}  // namespace slotway::proxy
