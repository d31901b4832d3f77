// SPDX-License-Identifier: Apache-2.0
// A worker's connections: for every shard one per lane that its clients use.
//
// Connections are opened when first wanted and again, with a growing pause, when they went down. If
// the greeting needs a receiver, a node has one more connection, in RESP3, that is opened first: the
// others ask the node to send there what it has to tell on its own.
// Belongs to its worker's thread.
#pragma once

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
  BackendPool(runtime::EventLoop& loop, BackendGreeting greeting,
              BackendConnection::Events& events)
      : loop_(loop), greeting_(std::move(greeting)), events_(events) {}

  // Connections are measured, and named by it. Before anything is sent.
  void MeasureWith(WorkerMeter& meter) { meter_ = &meter; }
  // What is known of each node now, for its meter.
  void MeasureNodes();
  // For connections that are opened from now on.
  void SetGreeting(BackendGreeting greeting) { greeting_ = std::move(greeting); }
  void SetLogin(BackendLogin login) { greeting_.login = std::move(login); }
  // The node at this numeric endpoint; added if unknown. kNoNodeIndex if the host is not numeric.
  NodeIndex FindOrAdd(const protocol::Endpoint& endpoint);
  // The same, or kNoNodeIndex if it is unknown or has left.
  NodeIndex Find(const protocol::Endpoint& endpoint) const;
  const protocol::Endpoint& EndpointOf(NodeIndex node) const { return nodes_[node]->endpoint; }
  const runtime::SocketAddress& AddressOf(NodeIndex node) const { return nodes_[node]->address; }
  // The open connection, or nullptr. Hot.
  BackendConnection* Ready(NodeIndex node, Lane lane) const {
    const auto& lanes = nodes_[node]->lanes;
    if (lane.Index() >= lanes.size()) return nullptr;
    BackendConnection* backend = lanes[lane.Index()].get();
    return backend != nullptr && backend->IsReady() ? backend : nullptr;
  }
  // Begins to connect if nothing is under way and the pause since the last failure is over.
  void Want(NodeIndex node, Lane lane);
  // Tells that a connection went down (from Events::OnDown).
  void NoteDown(BackendConnection& backend);
  void NoteReady(BackendConnection& backend);
  // Which node a connection belongs to.
  NodeIndex NodeOf(const BackendConnection& backend) const;

  // Ends the node's connections; what was in flight is reported lost.
  void Reset(NodeIndex node, std::string_view reason);
  // The node is said to have failed, but nobody has taken over from it: those of its connections
  // that owe nothing end, and the others are sent nothing more before it says something.
  void Doubt(NodeIndex node, std::string_view reason);
  // Nodes that are not in `kept` have left the cluster. They are dropped when they owe no answer.
  void KeepOnly(const std::vector<bool>& kept);
  // Resets and forgets those that have left and owe nothing, or do not pay; tells their addresses.
  std::vector<runtime::SocketAddress> DropLeft();
  // Resets and forgets every node.
  void DropAll();
  // What waits to be written to the node, on that of its connections where it is most.
  std::size_t UnsentBytesOfBusiestLane(NodeIndex node) const;

  // Calls `visit(node, connection)` for every connection that is open or opening.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i]) continue;
      for (const auto& lane : nodes_[i]->lanes) {
        if (lane && !lane->IsDown()) visit(static_cast<NodeIndex>(i), *lane);
      }
      const auto& receiver = nodes_[i]->receiver;
      if (receiver && !receiver->IsDown()) visit(static_cast<NodeIndex>(i), *receiver);
    }
  }
  std::size_t NodeSlots() const { return nodes_.size(); }

 private:
  static constexpr std::uint64_t kPauseFirstMs = 20;
  static constexpr std::uint64_t kPauseMaxMs = 500;
  static constexpr std::uint64_t kLeaveMaxMs = 5000;  // for the answers of a node that has left
  static constexpr std::uint64_t kStays = ~std::uint64_t{0};

  struct Node {
    protocol::Endpoint endpoint;
    runtime::SocketAddress address;
    std::vector<std::unique_ptr<BackendConnection>> lanes;  // by Lane::Index()
    std::unique_ptr<BackendConnection> receiver;
    std::shared_ptr<NodeMeter> meter;  // shared: see NodeMeters; nullptr: it is not measured
    std::uint64_t next_attempt_ms = 0;
    std::uint64_t pause_ms = 0;
    std::uint64_t left_at_ms = kStays;
    bool OwesAnswers() const;
  };

  BackendGreeting GreetingFor(const Node& node) const;
  std::unique_ptr<BackendConnection> Connect(const Node& node, BackendGreeting greeting, Lane lane);
  // Destroys the connection once the callback that reported it down has returned.
  void DestroyLater(std::unique_ptr<BackendConnection> connection);

  runtime::EventLoop& loop_;
  BackendGreeting greeting_;
  BackendConnection::Events& events_;
  WorkerMeter* meter_ = nullptr;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace slotway::proxy
