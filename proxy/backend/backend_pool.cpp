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
  return static_cast<NodeIndex>(free_place);
}

NodeIndex BackendPool::Find(const protocol::Endpoint& endpoint) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i] && nodes_[i]->endpoint == endpoint) return static_cast<NodeIndex>(i);
  }
  return kNoNodeIndex;
}

void BackendPool::Want(NodeIndex index, bool wants_resp3) {
  Node& node = *nodes_[index];
  auto& lane = node.lanes[wants_resp3];
  if (lane != nullptr || loop_.NowMs() < node.next_attempt_ms) return;
  auto version = wants_resp3 ? protocol::RespVersion::kResp3 : protocol::RespVersion::kResp2;
  lane = std::make_unique<BackendConnection>(loop_, node.address, login_, version, events_);
}

NodeIndex BackendPool::NodeOf(const BackendConnection& backend) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) continue;
    for (const auto& lane : nodes_[i]->lanes) {
      if (lane.get() == &backend) return static_cast<NodeIndex>(i);
    }
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
}

void BackendPool::NoteReady(BackendConnection& backend) {
  NodeIndex index = NodeOf(backend);
  if (index != kNoNodeIndex) nodes_[index]->pause_ms = 0;
}

void BackendPool::Reset(NodeIndex index, std::string_view reason) {
  for (int lane = 0; lane < 2; ++lane) {
    BackendConnection* connection = nodes_[index]->lanes[static_cast<std::size_t>(lane)].get();
    if (connection != nullptr) connection->Fail(reason);
  }
}

void BackendPool::DropAllBut(const std::vector<bool>& kept) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i] || (i < kept.size() && kept[i])) continue;
    Reset(static_cast<NodeIndex>(i), "the node left the cluster");
    nodes_[i].reset();
  }
}

void BackendPool::DestroyLater(std::unique_ptr<BackendConnection> connection) {
  // std::function wants something to copy; the deferred call is the only owner.
  loop_.Defer([dying = connection.release()] { delete dying; });
}

}  // namespace slotway::proxy
