// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/cluster_source.h"

#include <algorithm>
#include <utility>

namespace slotway::proxy {
namespace {

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

bool HaveANodeInCommon(const protocol::Topology& a, const protocol::Topology& b) {
  return std::any_of(a.nodes.begin(), a.nodes.end(), [&](const protocol::ClusterNode& node) {
    return std::any_of(b.nodes.begin(), b.nodes.end(),
                       [&](const protocol::ClusterNode& other) { return other.id == node.id; });
  });
}

}  // namespace

std::vector<protocol::Endpoint> ClusterSource::ChooseKnownNodes(const protocol::Topology& known) {
  std::vector<protocol::Endpoint> nodes;
  for (const protocol::ClusterNode& node : known.nodes) {
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
  return nodes;
}

void ClusterSource::Ask(const protocol::Topology* known, OnTopology on_topology) {
  known_ = known;
  on_topology_ = std::move(on_topology);
  views_.clear();
  NodeSurvey::Plan plan;
  if (known != nullptr) plan.nodes = ChooseKnownNodes(*known);
  must_ask_seeds_ = must_ask_seeds_ || plan.nodes.empty();
  // Seeds first: of an address that is both a seed's and a known node's the seed's answer counts.
  std::vector<protocol::Endpoint> seeds;
  if (must_ask_seeds_) {
    for (const config::Endpoint& seed : settings_.seeds) seeds.push_back({seed.host, seed.port});
  }
  seed_count_ = seeds.size();
  plan.nodes.insert(plan.nodes.begin(), seeds.begin(), seeds.end());
  plan.addresses_max = settings_.topology.nodes_asked;
  plan.questions = {{"CLUSTER", "NODES"}};
  plan.login = LoginOf(settings_);
  plan.timeout_ms = settings_.connect_timeout_ms;
  plan.take = [this](const NodeSurvey::Answer& answer) { return Take(answer); };
  plan.is_enough = [] { return true; };
  plan.on_end = [this] { End(); };
  survey_.Begin(std::move(plan));
}

std::string ClusterSource::Take(const NodeSurvey::Answer& answer) {
  auto view = protocol::ParseClusterNodes(answer.replies[0].text, answer.from);
  if (!view) return view.error();
  // Somebody else's node may have got the address of one that went.
  bool is_of_seed = answer.place < seed_count_;
  if (known_ != nullptr && !is_of_seed && !HaveANodeInCommon(*known_, *view)) {
    return "the node belongs to another cluster";
  }
  views_.push_back(std::move(*view));
  return {};
}

void ClusterSource::End() {
  must_ask_seeds_ = views_.empty();
  auto on_topology = std::move(on_topology_);
  if (views_.empty()) {
    on_topology(runtime::Fail(survey_.Error()));
    return;
  }
  protocol::Topology merged = protocol::MergeTopologies(std::move(views_));
  views_.clear();
  if (known_ != nullptr) KeepNewerClaims(*known_, merged);
  on_topology(std::move(merged));
}

}  // namespace slotway::proxy
