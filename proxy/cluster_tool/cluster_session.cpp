// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/cluster_session.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "runtime/clock.h"

namespace slotway::proxy {
namespace {

using protocol::RespValue;
using runtime::Fail;
using runtime::Result;

constexpr auto kPause = std::chrono::milliseconds(50);

Result<NodeView> AskView(NodeClient& client) {
  Result<RespValue> reply = client.Call({"CLUSTER", "NODES"});
  if (!reply) return tl::unexpected(reply.error());
  Result<NodeView> view = ParseNodeView(reply->text, client.Endpoint());
  if (!view) return Fail(client.Name() + ": " + view.error().text);
  return view;
}

}  // namespace

void Say(std::string_view line) {
  std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
  std::fflush(stdout);
}

Result<std::string> ClusterSession::Open(const protocol::Endpoint& endpoint) {
  NodeClient client(endpoint, login_);
  Result<NodeView> view = AskView(client);
  if (!view) return tl::unexpected(view.error());
  std::string id = view->my_id;
  Add(id, endpoint);
  peers_.at(id).view = std::move(*view);
  return id;
}

void ClusterSession::Add(const std::string& id, const protocol::Endpoint& endpoint) {
  Peer peer{.client = NodeClient(endpoint, login_)};
  peer.order = static_cast<int>(peers_.size());
  peers_.emplace(id, std::move(peer));
}

void ClusterSession::Look(const std::string& id, Peer& peer) {
  Result<NodeView> view = AskView(peer.client);
  if (view && view->my_id == id) {
    peer.view = std::move(*view);
    peer.problem.clear();
    return;
  }
  peer.view.reset();
  peer.problem = view ? peer.client.Name() + ": another node answers" : view.error().text;
}

void ClusterSession::Discover() {
  for (auto& [id, peer] : peers_) Look(id, peer);
  for (bool has_more = true; has_more;) {
    has_more = false;
    std::map<std::string, protocol::Endpoint> found;
    for (const auto& [_, peer] : peers_) {
      if (!peer.view) continue;
      for (const auto& node : peer.view->topology.nodes) {
        if (!peers_.contains(node.id) && !excluded_.contains(node.id))
          found.emplace(node.id, node.endpoint);
      }
    }
    for (const auto& [id, endpoint] : found) {
      Add(id, endpoint);
      Look(id, peers_.at(id));
      has_more = true;
    }
  }
  std::vector<protocol::Topology> views;
  for (const auto& [_, peer] : peers_) {
    if (peer.view) views.push_back(peer.view->topology);
  }
  merged_ = protocol::MergeTopologies(std::move(views));
}

void ClusterSession::Exclude(const std::string& id) {
  peers_.erase(id);
  excluded_.insert(id);
}

bool ClusterSession::IsReached(const std::string& id) const {
  auto found = peers_.find(id);
  return found != peers_.end() && found->second.view.has_value();
}

std::vector<std::string> ClusterSession::Reached() const {
  std::vector<std::string> ids;
  for (const auto& [id, peer] : peers_) {
    if (peer.view) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end(), [this](const std::string& a, const std::string& b) {
    return peers_.at(a).order < peers_.at(b).order;
  });
  return ids;
}

std::vector<std::string> ClusterSession::Unreached() const {
  std::vector<std::string> ids;
  for (const auto& [id, peer] : peers_) {
    if (!peer.view) ids.push_back(id);
  }
  return ids;
}

std::vector<std::string> ClusterSession::Masters() const {
  std::vector<std::string> ids = Reached();
  std::erase_if(ids, [this](const std::string& id) { return !View(id).Myself().is_master; });
  return ids;
}

std::string ClusterSession::NameOf(const std::string& id) const {
  auto found = peers_.find(id);
  return found == peers_.end() ? id : found->second.client.Name();
}

std::string ClusterSession::Named(std::string_view text) const {
  if (peers_.contains(std::string(text))) return std::string(text);
  for (const auto& [id, peer] : peers_) {
    if (peer.client.Name() == text) return id;
    const auto endpoint = protocol::ParseEndpoint(text);
    const protocol::ClusterNode* node = peer.view ? &peer.view->Myself() : nullptr;
    if (endpoint && node != nullptr && node->endpoint == *endpoint) return id;
  }
  return {};
}

std::string ClusterSession::OwnerOf(int slot) const {
  const protocol::ClusterNode* owner = merged_.OwnerOf(protocol::Slot(slot));
  return owner == nullptr ? std::string() : owner->id;
}

std::vector<int> ClusterSession::SlotsOf(const std::string& id) const {
  std::vector<int> slots;
  for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
    const protocol::ClusterNode* owner = merged_.OwnerOf(protocol::Slot(slot));
    if (owner != nullptr && owner->id == id) slots.push_back(slot);
  }
  return slots;
}

std::vector<std::string> ClusterSession::ReplicasOf(const std::string& id) const {
  std::vector<std::string> ids = Reached();
  std::erase_if(ids, [&](const std::string& other) {
    const protocol::ClusterNode& node = View(other).Myself();
    return node.is_master || node.master_id != id;
  });
  return ids;
}

bool ClusterSession::Agrees() const {
  std::string digest;
  for (const auto& [_, peer] : peers_) {
    if (!peer.view) continue;
    if (peer.view->has_handshakes) return false;
    std::string other = peer.view->Digest();
    if (!digest.empty() && other != digest) return false;
    digest = std::move(other);
  }
  return true;
}

Result<void> ClusterSession::WaitUntil(std::string_view what, const std::function<bool()>& holds) {
  const std::uint64_t ends_ms = runtime::MonotonicMs() + wait_ms_;
  while (true) {
    Discover();
    if (holds()) return {};
    if (runtime::MonotonicMs() >= ends_ms) {
      return Fail("not within " + std::to_string(wait_ms_ / 1000) + " s: " + std::string(what));
    }
    std::this_thread::sleep_for(kPause);  // poll: nodes tell nobody when they have heard
  }
}

Result<void> ClusterSession::WaitUntilAgreed() {
  return WaitUntil("all nodes agree on members, roles and slots", [this] { return Agrees(); });
}

}  // namespace slotway::proxy
