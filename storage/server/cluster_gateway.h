// SPDX-License-Identifier: Apache-2.0
// What the server asks of its cluster: may this request be served here, and the CLUSTER command.
//
// Holds the ClusterState and writes nodes.conf. Engine thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/command.h"
#include "protocol/key_extraction.h"
#include "runtime/result.h"
#include "storage/cluster/cluster_state.h"
#include "storage/cluster/nodes_conf.h"
#include "storage/cluster/slot_guard.h"
#include "storage/commands/command_context.h"

namespace slotway::storage {

class ClusterGateway {
 public:
  // Reads cluster-config-file, or begins as a lone node. REQUIRES: the server listens already.
  static runtime::Result<std::unique_ptr<ClusterGateway>> Open(ServerState& server);

  bool ServesDirectly(protocol::Slot slot) const { return state_.ServesDirectly(slot); }
  // The error that answers a request for `keys` instead of serving it; empty: serve.
  std::string ErrorFor(CommandContext& ctx, std::span<const protocol::KeyPosition> keys);
  // The same for a request that waits for its keys: what became of their slot meanwhile.
  std::string ErrorForWaiting(const ClientState& client, const WaitingRequest& request);
  // The CLUSTER command.
  void Run(CommandContext& ctx);
  void ApplySettings();

  cluster::ClusterState& State() { return state_; }
  // INFO's and CLUSTER INFO's view.
  bool IsUp() const { return state_.IsUp(); }

 private:
  ClusterGateway(ServerState& server, std::unique_ptr<cluster::NodesConfFile> file,
                 cluster::ClusterState state)
      : server_(server), file_(std::move(file)), state_(std::move(state)) {}
  // Empty when written, else why not.
  std::string Save();
  cluster::EndpointKind EndpointKind() const;

  ServerState& server_;
  std::unique_ptr<cluster::NodesConfFile> file_;
  cluster::ClusterState state_;
  std::vector<std::string_view> keys_;
};

}  // namespace slotway::storage
