// SPDX-License-Identifier: Apache-2.0
// MEMORY STATS of several shards as one: bytes and counts are added, ratios are computed again.
// Pure.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "protocol/resp_reply_value.h"
#include "protocol/resp_writer.h"

namespace slotway::proxy {

struct MemoryFigure {
  std::string name;
  std::int64_t integer = 0;
  double number = 0;
  bool is_number = false;             // a ratio or percentage
  std::vector<MemoryFigure> figures;  // of a database: "db.0"
};

// In the order of the first shard's reply; figures that only others have follow.
std::vector<MemoryFigure> JoinMemoryStats(std::span<const protocol::RespValue> replies);

void WriteMemoryStats(std::span<const MemoryFigure> figures,
                      protocol::RespWriter<protocol::StringSink>& writer);

}  // namespace slotway::proxy
