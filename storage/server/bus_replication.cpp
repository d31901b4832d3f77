// SPDX-License-Identifier: Apache-2.0
#include "storage/server/bus_replication.h"

#include <algorithm>
#include <utility>

namespace slotway::storage {

std::int64_t BusReplication::SilentMs() const {
  const MasterFacts& master = server_.replication.master;
  if (master.IsUp()) return 0;
  return server_.now_ms - (master.down_since_ms != 0 ? master.down_since_ms : server_.start_time_ms);
}

std::optional<std::int64_t> BusReplication::AcknowledgedFrom(const std::string& ip,
                                                             std::uint16_t port) const {
  std::optional<std::int64_t> acknowledged;
  // The last one counts: those before it are what is left of its former connections.
  for (const ReplicaFacts& replica : server_.replication.replicas) {
    if (replica.port != port || replica.host != ip) continue;
    const bool is_in_step = replica.state == "online" && replica.has_acknowledged;
    acknowledged = is_in_step ? std::optional(replica.acknowledged) : std::nullopt;
  }
  return acknowledged;
}

void BusReplication::PauseWrites(std::int64_t for_ms) {
  if (for_ms == 0) {
    if (std::exchange(has_paused_, false)) server_.unpause();
    return;
  }
  server_.RefreshClock();
  // As CLIENT PAUSE: one that is on is neither shortened nor weakened.
  const bool is_on = server_.paused_until_ms > server_.now_ms;
  server_.pauses_writes_only = !is_on || server_.pauses_writes_only;
  server_.paused_until_ms = std::max(is_on ? server_.paused_until_ms : 0, server_.now_ms + for_ms);
  server_.ApplyExpiryMode();
  has_paused_ = true;
}

}  // namespace slotway::storage
