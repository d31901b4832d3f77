// SPDX-License-Identifier: Apache-2.0
// The slow logs of several shards as one.
//
// A request that goes to every shard stands in each one's log; here it is one entry, with the time
// of the shard that took longest. Within one second, which is as fine as a log's times are, such
// entries tell what came before and after them on every shard. What no log may show is hidden,
// should a shard have shown it: where proxies keep users, a server of Redis sees an ordinary
// library. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/command.h"

namespace slotway::proxy {

// Newest first. Each is an entry as SLOWLOG GET encodes it, with an id that no other has, of any
// shard and second, and that is higher the later the second. With one shard its own ids stay.
// `asked`: how many entries each shard was asked for; a reply with as many may not be all of it.
std::vector<std::string> JoinSlowLogs(std::span<const std::string> replies,
                                      std::optional<std::size_t> asked);

// Whether each shard gets every request of the command.
bool GoesToEachShard(const protocol::CommandSpec& spec);

}  // namespace slotway::proxy
