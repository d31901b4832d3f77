// SPDX-License-Identifier: Apache-2.0
// Replication as the cluster bus sees it. Engine thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/cluster/replication_port.h"
#include "storage/commands/replication_host.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class BusReplication final : public cluster::ReplicationPort {
 public:
  explicit BusReplication(ServerState& server) : server_(server) {}

  // None while the data comes: nobody is to read here or elect it.
  std::int64_t Offset() const override {
    const bool has_none =
        server_.replication.is_replica && server_.persistence.loading.is_loading;
    return has_none ? 0 : server_.replication.history.offset;
  }
  bool HasCopy() const override { return server_.replication.master.has_copy; }
  std::int64_t SilentMs() const override;
  bool HasReplicas() const override { return !server_.replication.replicas.empty(); }
  std::optional<std::int64_t> AcknowledgedFrom(const std::string& ip,
                                               std::uint16_t port) const override;
  void BecomeMaster() override { server_.replication_host->BecomeMaster(); }
  void Replicate(const std::string& ip, std::uint16_t port) override {
    server_.replication_host->Follow(ip, port);
  }
  void SetMasterFailed(bool has_failed) override {
    server_.replication_host->SetMasterFailed(has_failed);
  }
  void PauseWrites(std::int64_t for_ms) override;

 private:
  ServerState& server_;
  bool has_paused_ = false;
};

}  // namespace slotway::storage
