// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/topology_refresher.h"

#include <algorithm>
#include <utility>

#include "runtime/log.h"
#include "runtime/resolver.h"

namespace slotway::proxy {
namespace {

// How long a round with some answers waits for the others.
constexpr std::uint64_t kPatienceMs = 100;

// Where `views` know less than we did: a slot stays with its known owner if the new claim is older
// than the known one, unless the owner has gone or has been asked itself.
void KeepNewerClaims(const protocol::Topology& known, protocol::Topology& views) {
  std::vector<std::uint16_t> place(known.nodes.size(), protocol::kNoNode);
  for (std::size_t i = 0; i < known.nodes.size(); ++i) {
    for (std::size_t j = 0; j < views.nodes.size(); ++j) {
      const protocol::ClusterNode& node = views.nodes[j];
      if (node.id != known.nodes[i].id) continue;
      if (!node.is_asked && !node.is_failing) place[i] = static_cast<std::uint16_t>(j);
    }
  }
  for (std::size_t slot = 0; slot < views.owner_of_slot.size(); ++slot) {
    std::uint16_t before = known.owner_of_slot[slot];
    std::uint16_t& owner = views.owner_of_slot[slot];
    if (before == protocol::kNoNode || place[before] == protocol::kNoNode) continue;
    if (owner == protocol::kNoNode || owner == place[before]) continue;
    const protocol::ClusterNode& newer = known.nodes[before];
    if (views.nodes[owner].config_epoch >= newer.config_epoch) continue;
    owner = place[before];
    views.nodes[owner].is_master = true;
    views.nodes[owner].master_id.clear();
    views.nodes[owner].config_epoch = newer.config_epoch;
  }
}

}  // namespace

TopologyRefresher::TopologyRefresher(runtime::EventLoop& loop,
                                     const config::BackendConfig& settings, OnRound on_round)
    : loop_(loop),
      settings_(settings),
      on_round_(std::move(on_round)),
      next_round_(loop),
      patience_(loop) {}

TopologyRefresher::~TopologyRefresher() = default;

void TopologyRefresher::Start() { BeginRound(); }

void TopologyRefresher::RequestSoon() {
  if (is_requested_) return;
  is_requested_ = true;
  if (!is_running_) Schedule(0);
}

void TopologyRefresher::Schedule(std::uint64_t delay_ms) {
  std::uint64_t earliest_ms = round_began_ms_ + settings_.topology.refresh_min_interval_ms;
  std::uint64_t wait_ms = earliest_ms > loop_.NowMs() ? earliest_ms - loop_.NowMs() : 0;
  next_round_.Start(std::max(delay_ms, wait_ms), 0, [this] { BeginRound(); });
}

std::vector<protocol::Endpoint> TopologyRefresher::ChooseNodes() {
  std::vector<protocol::Endpoint> nodes;
  if (current_ != nullptr) {
    for (const protocol::ClusterNode& node : current_->nodes) {
      // After a round without answers those that looked dead are worth a try again.
      bool looks_alive = !node.is_failing && !node.is_suspected;
      if (looks_alive || must_ask_seeds_) nodes.push_back(node.endpoint);
    }
    std::size_t count = std::min<std::size_t>(settings_.topology.nodes_asked, nodes.size());
    // Others each time, so that one deaf node cannot keep us ignorant.
    if (!nodes.empty()) {
      std::rotate(nodes.begin(),
                  nodes.begin() + static_cast<std::ptrdiff_t>(rotation_ % nodes.size()),
                  nodes.end());
    }
    rotation_ += count;
    nodes.resize(count);
  }
  if (!nodes.empty() && !must_ask_seeds_) return nodes;
  for (const config::Endpoint& seed : settings_.seeds) nodes.push_back({seed.host, seed.port});
  return nodes;
}

void TopologyRefresher::BeginRound() {
  is_running_ = true;
  is_requested_ = false;
  round_began_ms_ = loop_.NowMs();
  round_error_.clear();
  views_.clear();
  queries_.clear();
  rounds_.Add();
  std::vector<protocol::Endpoint> nodes = ChooseNodes();
  pending_ = nodes.size();
  for (const protocol::Endpoint& node : nodes) Ask(node);
}

void TopologyRefresher::Ask(const protocol::Endpoint& node) {
  runtime::Resolve(
      loop_, node.host, node.port,
      [this, alive = std::weak_ptr<char>(alive_), round = rounds_.Get()](auto addresses) {
        if (alive.expired() || round != rounds_.Get() || !is_running_) return;
        if (!addresses) {
          NoteFailure(addresses.error().text);
          OneFewerPending();
          return;
        }
        // A headless service has an address per pod.
        std::size_t count =
            std::min<std::size_t>(addresses->size(), settings_.topology.nodes_asked);
        pending_ += count - 1;
        for (std::size_t i = 0; i < count; ++i) AskAddress((*addresses)[i]);
      });
}

void TopologyRefresher::AskAddress(const runtime::SocketAddress& address) {
  BackendLogin login{settings_.username, settings_.password, settings_.connect_timeout_ms};
  queries_.push_back(std::make_unique<ControlQuery>(
      loop_, address, login, std::vector<std::string>{"CLUSTER", "NODES"},
      settings_.connect_timeout_ms,
      [this, address](auto answer) { TakeAnswer(address, std::move(answer)); }));
}

void TopologyRefresher::TakeAnswer(const runtime::SocketAddress& from,
                                   runtime::Result<protocol::RespValue> answer) {
  if (!answer) {
    NoteFailure(from.ToString() + ": " + answer.error().text);
  } else if (auto view = protocol::ParseClusterNodes(answer->text, {from.Host(), from.Port()})) {
    views_.push_back(std::move(*view));
    if (views_.size() == 1) patience_.Start(kPatienceMs, 0, [this] { EndRound(); });
  } else {
    NoteFailure(from.ToString() + ": " + view.error());
  }
  OneFewerPending();
}

void TopologyRefresher::NoteFailure(const std::string& error) { round_error_ = error; }

void TopologyRefresher::OneFewerPending() {
  // Deferred: this may run inside a query that ending the round destroys.
  if (--pending_ == 0) {
    loop_.Defer([this, alive = std::weak_ptr<char>(alive_), round = rounds_.Get()] {
      if (!alive.expired() && round == rounds_.Get()) EndRound();
    });
  }
}

void TopologyRefresher::EndRound() {
  if (!is_running_) return;
  is_running_ = false;
  patience_.Stop();
  queries_.clear();
  must_ask_seeds_ = views_.empty();
  if (views_.empty()) {
    if (round_error_ != last_error_) runtime::LogWarning("topology: {}", round_error_);
    last_error_ = round_error_;
    Schedule(settings_.topology.refresh_min_interval_ms);
    return;
  }
  last_error_.clear();
  protocol::Topology merged = protocol::MergeTopologies(std::move(views_));
  views_.clear();
  if (current_ != nullptr) KeepNewerClaims(*current_, merged);
  if (current_ == nullptr || !merged.RoutesLike(*current_)) {
    changes_.Add();
    merged.version = changes_.Get();
    current_ = std::make_shared<const protocol::Topology>(std::move(merged));
    runtime::LogInfo("topology {}: {} nodes, {}", current_->version, current_->nodes.size(),
                     current_->CoversAllSlots() ? "all slots served" : "some slots unserved");
  }
  on_round_(current_);
  Schedule(is_requested_ ? 0 : settings_.topology.refresh_interval_ms);
}

}  // namespace slotway::proxy
