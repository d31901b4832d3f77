// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/backend_pool.h"

#include <algorithm>
#include <utility>

namespace slotway::proxy {

NodeIndex BackendPool::FindOrAdd(const protocol::Endpoint& endpoint) {
  std::size_t free_place = nodes_.size();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) {
      free_place = i;
    } else if (nodes_[i]->endpoint == endpoint) {
      return static_cast<NodeIndex>(i);
    }
  }
  auto address = runtime::SocketAddress::FromNumeric(endpoint.host, endpoint.port);
  if (!address || free_place >= kNoNodeIndex) return kNoNodeIndex;
  if (free_place == nodes_.size()) nodes_.emplace_back();
  nodes_[free_place] = std::make_unique<Node>();
  nodes_[free_place]->endpoint = endpoint;
  nodes_[free_place]->address = *address;
  if (meter_ != nullptr) nodes_[free_place]->meter = meter_->nodes.Of(address->ToString());
  return static_cast<NodeIndex>(free_place);
}

NodeIndex BackendPool::Find(const protocol::Endpoint& endpoint) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i] || nodes_[i]->left_at_ms != kStays) continue;
    if (nodes_[i]->endpoint == endpoint) return static_cast<NodeIndex>(i);
  }
  return kNoNodeIndex;
}

void BackendPool::Want(NodeIndex index, Lane lane) {
  Node& node = *nodes_[index];
  if (lane.Index() >= node.lanes.size()) node.lanes.resize(lane.Index() + 1u);
  auto& backend = node.lanes[lane.Index()];
  if (backend != nullptr || loop_.NowMs() < node.next_attempt_ms) return;
  if (greeting_.needs_receiver && (node.receiver == nullptr || !node.receiver->IsReady())) {
    if (node.receiver != nullptr) return;
    BackendGreeting greeting;
    greeting.login = greeting_.login;
    greeting.wants_id = true;
    node.receiver = Connect(node, std::move(greeting), Lane(protocol::RespVersion::kResp3));
    return;  // wanted again when that is ready
  }
  backend = Connect(node, GreetingFor(node), lane);
}

std::unique_ptr<BackendConnection> BackendPool::Connect(const Node& node, BackendGreeting greeting,
                                                        Lane lane) {
  if (meter_ != nullptr) greeting.name = meter_->NextConnectionName();
  auto made = std::make_unique<BackendConnection>(loop_, node.address, greeting, lane, events_);
  if (meter_ != nullptr) made->MeasureWith(*meter_, node.meter);
  return made;
}

void BackendPool::MeasureNodes() {
  for (const auto& node : nodes_) {
    if (!node || !node->meter) continue;
    std::uint64_t connections = 0, in_flight = 0, unsent_bytes = 0;
    for (const auto& lane : node->lanes) {
      if (!lane || !lane->IsReady()) continue;
      ++connections;
      in_flight += lane->InFlightRequests().Size();
      unsent_bytes += lane->UnsentBytes();
    }
    node->meter->connections.Set(connections);
    node->meter->in_flight.Set(in_flight);
    node->meter->unsent_bytes.Set(unsent_bytes);
  }
}

BackendGreeting BackendPool::GreetingFor(const Node& node) const {
  BackendGreeting greeting = greeting_;
  if (!greeting.needs_receiver) return greeting;
  for (auto& request : greeting.more) {
    std::replace(request.begin(), request.end(), std::string(BackendGreeting::kReceiverId),
                 std::to_string(node.receiver->RemoteId()));
  }
  return greeting;
}

NodeIndex BackendPool::NodeOf(const BackendConnection& backend) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) continue;
    for (const auto& lane : nodes_[i]->lanes) {
      if (lane.get() == &backend) return static_cast<NodeIndex>(i);
    }
    if (nodes_[i]->receiver.get() == &backend) return static_cast<NodeIndex>(i);
  }
  return kNoNodeIndex;
}

void BackendPool::NoteDown(BackendConnection& backend) {
  NodeIndex index = NodeOf(backend);
  if (index == kNoNodeIndex) return;
  Node& node = *nodes_[index];
  node.pause_ms = std::clamp(2 * node.pause_ms, kPauseFirstMs, kPauseMaxMs);
  node.next_attempt_ms = loop_.NowMs() + node.pause_ms;
  for (auto& lane : node.lanes) {
    if (lane.get() == &backend) DestroyLater(std::move(lane));
  }
  if (node.receiver.get() != &backend) return;
  DestroyLater(std::move(node.receiver));
  // What they would be told would go nowhere.
  Reset(index, "the connection that receives for it was lost");
}

void BackendPool::NoteReady(BackendConnection& backend) {
  NodeIndex index = NodeOf(backend);
  if (index != kNoNodeIndex) nodes_[index]->pause_ms = 0;
}

void BackendPool::Reset(NodeIndex index, std::string_view reason) {
  for (std::size_t lane = 0; lane < nodes_[index]->lanes.size(); ++lane) {
    BackendConnection* connection = nodes_[index]->lanes[lane].get();
    if (connection != nullptr) connection->Fail(reason);
  }
  BackendConnection* receiver = nodes_[index]->receiver.get();
  if (receiver != nullptr) receiver->Fail(reason);
}

void BackendPool::Doubt(NodeIndex index, std::string_view reason) {
  for (std::size_t lane = 0; lane < nodes_[index]->lanes.size(); ++lane) {
    BackendConnection* connection = nodes_[index]->lanes[lane].get();
    if (connection == nullptr) continue;
    connection->InFlightRequests().Empty() ? connection->Fail(reason) : connection->Doubt();
  }
}

bool BackendPool::Node::OwesAnswers() const {
  return std::any_of(lanes.begin(), lanes.end(), [](const auto& lane) {
    return lane != nullptr && !lane->IsDown() && !lane->InFlightRequests().Empty();
  });
}

void BackendPool::KeepOnly(const std::vector<bool>& kept) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) continue;
    std::uint64_t& left_at_ms = nodes_[i]->left_at_ms;
    if (i < kept.size() && kept[i]) {
      left_at_ms = kStays;
    } else if (left_at_ms == kStays) {
      left_at_ms = loop_.NowMs();
    }
  }
}

std::vector<runtime::SocketAddress> BackendPool::DropLeft() {
  std::vector<runtime::SocketAddress> dropped;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i] || nodes_[i]->left_at_ms == kStays) continue;
    const bool is_late = loop_.NowMs() - nodes_[i]->left_at_ms >= kLeaveMaxMs;
    if (!is_late && nodes_[i]->OwesAnswers()) continue;
    dropped.push_back(nodes_[i]->address);
    Reset(static_cast<NodeIndex>(i), "the node left the cluster");
    nodes_[i].reset();
  }
  return dropped;
}

void BackendPool::DropAll() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) continue;
    Reset(static_cast<NodeIndex>(i), "the proxy ends");
    nodes_[i].reset();
  }
}

std::size_t BackendPool::UnsentBytesOfBusiestLane(NodeIndex node) const {
  std::size_t most = 0;
  for (const auto& backend : nodes_[node]->lanes) {
    if (backend && backend->IsReady()) most = std::max(most, backend->UnsentBytes());
  }
  return most;
}

void BackendPool::DestroyLater(std::unique_ptr<BackendConnection> connection) {
  // std::function wants something to copy; the deferred call is the only owner.
  loop_.Defer([dying = connection.release()] { delete dying; });
}

}  // namespace slotway::proxy
