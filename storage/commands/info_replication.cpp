// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/info_replication.h"

#include <algorithm>
#include <string>

namespace slotway::storage {
namespace {

void AddMaster(InfoText& text, const ServerState& server) {
  const ReplicationFacts& facts = server.replication;
  const MasterFacts& master = facts.master;
  const bool is_syncing = master.state == MasterLinkState::kSync;
  text.Field("master_host", master.host);
  text.Field("master_port", master.port);
  text.Field("master_link_status", master.IsUp() ? "up" : "down");
  const std::int64_t silent_s = (server.now_ms - master.last_io_ms) / 1000;
  text.Field("master_last_io_seconds_ago", master.IsUp() ? silent_s : -1);
  text.Field("master_sync_in_progress", is_syncing ? 1 : 0);
  text.Field("slave_read_repl_offset", facts.history.offset);
  text.Field("slave_repl_offset", facts.history.offset);
  if (is_syncing) {
    const auto total = static_cast<std::int64_t>(master.sync_total_bytes);
    const auto read = static_cast<std::int64_t>(master.sync_read_bytes);
    text.Field("master_sync_total_bytes", total != 0 ? total : -1);
    text.Field("master_sync_read_bytes", read);
    text.Field("master_sync_left_bytes", total != 0 ? total - read : -1);
    text.Decimal("master_sync_perc",
                 total != 0 ? 100.0 * static_cast<double>(read) / static_cast<double>(total) : 0);
    text.Field("master_sync_last_io_seconds_ago", silent_s);
  }
  if (!master.IsUp()) {
    text.Field("master_link_down_since_seconds",
               master.down_since_ms != 0 ? (server.now_ms - master.down_since_ms) / 1000 : -1);
  }
  text.Field("slave_priority", server.Config().replica_priority);
  text.Field("slave_read_only", server.Config().replica_read_only ? 1 : 0);
  text.Field("replica_announced", server.Config().replica_announced ? 1 : 0);
}

void AddReplicas(InfoText& text, const ServerState& server) {
  const auto& replicas = server.replication.replicas;
  text.Field("connected_slaves", replicas.size());
  if (server.Config().min_replicas_to_write != 0 && server.Config().min_replicas_max_lag_s != 0) {
    text.Field("min_slaves_good_slaves", server.replication.good_replicas);
  }
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    const ReplicaFacts& replica = replicas[i];
    const std::int64_t lag_ms = std::max<std::int64_t>(server.now_ms - replica.acknowledged_ms, 0);
    text.Field("slave" + std::to_string(i),
               "ip=" + replica.host + ",port=" + std::to_string(replica.port) + ",state=" +
                   std::string(replica.state) + ",offset=" + std::to_string(replica.acknowledged) +
                   ",lag=" + std::to_string(lag_ms / 1000));
  }
}

}  // namespace

void AddReplicationFacts(InfoText& text, const ServerState& server) {
  const ReplicationFacts& facts = server.replication;
  text.Field("role", facts.is_replica ? "slave" : "master");
  if (facts.is_replica) AddMaster(text, server);
  AddReplicas(text, server);
  text.Field("master_failover_state", facts.failover_state);
  text.Field("master_replid", facts.history.id);
  text.Field("master_replid2", facts.history.id2);
  text.Field("master_repl_offset", facts.history.offset);
  text.Field("second_repl_offset", facts.history.second_offset);
  text.Field("repl_backlog_active", facts.has_log ? 1 : 0);
  text.Field("repl_backlog_size", server.Config().repl_backlog_size);
  text.Field("repl_backlog_first_byte_offset", facts.log_first_offset);
  text.Field("repl_backlog_histlen", facts.log_bytes);
}

}  // namespace slotway::storage
