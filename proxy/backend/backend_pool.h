// SPDX-License-Identifier: Apache-2.0
// A worker's connections: for every shard one per protocol version that its clients speak.
//
// Connections are opened when first wanted and again, with a growing pause, when they went down.
// Belongs to its worker's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/topology.h"
#include "proxy/backend/backend_connection.h"

namespace slotway::proxy {

// Index of a node in its worker's pool; stays valid until the node is dropped.
using NodeIndex = std::uint16_t;
inline constexpr NodeIndex kNoNodeIndex = 0xffff;

class BackendPool {
 public:
  BackendPool(runtime::EventLoop& loop, BackendLogin login, BackendConnection::Events& events)
      : loop_(loop), login_(std::move(login)), events_(events) {}

  // For connections that are opened from now on.
  void SetLogin(BackendLogin login) { login_ = std::move(login); }
  // The node at this numeric endpoint; added if unknown. kNoNodeIndex if the host is not numeric.
  NodeIndex FindOrAdd(const protocol::Endpoint& endpoint);
  // The same, or kNoNodeIndex if it is unknown.
  NodeIndex Find(const protocol::Endpoint& endpoint) const;
  const protocol::Endpoint& EndpointOf(NodeIndex node) const { return nodes_[node]->endpoint; }
  // The open connection, or nullptr. Hot.
  BackendConnection* Ready(NodeIndex node, bool wants_resp3) const {
    BackendConnection* lane = nodes_[node]->lanes[wants_resp3].get();
    return lane != nullptr && lane->IsReady() ? lane : nullptr;
  }
  // Begins to connect if nothing is under way and the pause since the last failure is over.
  void Want(NodeIndex node, bool wants_resp3);
  // Tells that a connection went down (from Events::OnDown).
  void NoteDown(BackendConnection& backend);
  void NoteReady(BackendConnection& backend);
  // Which node a connection belongs to.
  NodeIndex NodeOf(const BackendConnection& backend) const;

  // Ends the node's connections; what was in flight is reported lost.
  void Reset(NodeIndex node, std::string_view reason);
  // Resets and forgets every node that is not in `kept`.
  void DropAllBut(const std::vector<bool>& kept);

  // Calls `visit(node, connection)` for every connection that is open or opening.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i]) continue;
      for (const auto& lane : nodes_[i]->lanes) {
        if (lane && !lane->IsDown()) visit(static_cast<NodeIndex>(i), *lane);
      }
    }
  }
  std::size_t NodeSlots() const { return nodes_.size(); }

 private:
  static constexpr std::uint64_t kPauseFirstMs = 20;
  static constexpr std::uint64_t kPauseMaxMs = 500;

  struct Node {
    protocol::Endpoint endpoint;
    runtime::SocketAddress address;
    std::array<std::unique_ptr<BackendConnection>, 2> lanes;  // RESP2, RESP3
    std::uint64_t next_attempt_ms = 0;
    std::uint64_t pause_ms = 0;
  };

  // Destroys the connection once the callback that reported it down has returned.
  void DestroyLater(std::unique_ptr<BackendConnection> connection);

  runtime::EventLoop& loop_;
  BackendLogin login_;
  BackendConnection::Events& events_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace slotway::proxy
