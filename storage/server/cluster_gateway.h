// SPDX-License-Identifier: Apache-2.0
// What the server asks of its cluster: may this request be served here, and the CLUSTER command.
//
// Holds the ClusterState and writes nodes.conf. Engine thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command.h"
#include "protocol/key_extraction.h"
#include "runtime/result.h"
#include "storage/cluster/cluster_state.h"
#include "storage/cluster/slot_guard.h"
#include "storage/commands/command_context.h"

namespace slotway::storage {

class ClusterGateway {
 public:
  // Reads cluster-config-file, or begins a new node of one. The address of this node is completed
  // once the port is known: AnnounceAddress().
  static runtime::Result<std::unique_ptr<ClusterGateway>> Open(ServerState& server);

  bool ServesDirectly(protocol::Slot slot) const { return state_.ServesDirectly(slot); }
  // The error that answers a request for `keys` instead of serving it; empty: serve.
  std::string ErrorFor(CommandContext& ctx, std::span<const protocol::KeyPosition> keys);
  // The CLUSTER command.
  void Run(CommandContext& ctx);
  void ApplySettings();

  cluster::ClusterState& State() { return state_; }
  // INFO's and CLUSTER INFO's view.
  bool IsUp() const { return state_.IsUp(); }

 private:
  explicit ClusterGateway(ServerState& server) : server_(server) {}
  void AnnounceAddress();
  std::string Save();
  cluster::EndpointKind EndpointKind() const;

  ServerState& server_;
  cluster::ClusterState state_;
  std::filesystem::path file_;
  std::vector<std::string_view> keys_;
};

}  // namespace slotway::storage
