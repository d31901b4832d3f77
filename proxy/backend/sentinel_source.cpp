// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/sentinel_source.h"

#include <algorithm>
#include <utility>

namespace slotway::proxy {
namespace {

constexpr std::size_t kSentinelsMax = 64;

void AddNew(const protocol::Endpoint& endpoint, std::vector<protocol::Endpoint>& out) {
  if (out.size() >= kSentinelsMax) return;
  if (std::find(out.begin(), out.end(), endpoint) == out.end()) out.push_back(endpoint);
}

}  // namespace

void SentinelSource::Ask(const protocol::Topology* known, OnTopology on_topology) {
  known_ = known;
  on_topology_ = std::move(on_topology);
  views_.clear();
  answered_.clear();
  NodeSurvey::Plan plan;
  for (const config::Endpoint& seed : settings_.seeds) {
    plan.nodes.push_back({seed.host, seed.port});
  }
  plan.nodes.insert(plan.nodes.end(), sentinels_.begin(), sentinels_.end());
  plan.addresses_max = kSentinelsMax;
  plan.questions = protocol::SentinelQuestions(settings_.sentinel.master_name);
  plan.login = {settings_.sentinel.username, settings_.sentinel.password,
                settings_.connect_timeout_ms};
  plan.timeout_ms = settings_.connect_timeout_ms;
  plan.take = [this](const NodeSurvey::Answer& answer) { return Take(answer); };
  plan.is_enough = [this] { return HaveMostAnswered(); };
  plan.on_end = [this] { AskRoles(); };
  sentinel_survey_.Begin(std::move(plan));
}

std::string SentinelSource::Take(const NodeSurvey::Answer& answer) {
  auto view = protocol::ParseSentinelView(answer.replies);
  if (!view) return view.error();
  answered_.push_back(answer.from);
  views_.push_back(std::move(*view));
  LearnSentinels();
  return {};
}

// Those that answered, and those that they know. Who neither answers nor is known is forgotten.
void SentinelSource::LearnSentinels() {
  sentinels_ = answered_;
  for (const protocol::SentinelView& view : views_) {
    for (const protocol::Endpoint& sentinel : view.sentinels) AddNew(sentinel, sentinels_);
  }
}

void SentinelSource::AskRoles() {
  const protocol::SentinelView* view =
      protocol::ChooseSentinelView(views_, epoch_known_, sentinels_.size());
  if (view == nullptr) {
    Fail(views_.empty() ? sentinel_survey_.Error()
                        : "the sentinels that answer remember an older master than we do");
    return;
  }
  chosen_ = *view;
  std::vector<protocol::Endpoint> nodes = {chosen_.master};
  nodes.insert(nodes.end(), chosen_.replicas.begin(), chosen_.replicas.end());
  role_survey_.Begin(
      std::move(nodes),
      [](const protocol::ReplicationView& said, std::size_t place) {
        return place == 0 && said.info.is_master;
      },
      [this] { End(); });
}

void SentinelSource::End() {
  const protocol::ReplicationView* master = role_survey_.MasterAt(0);
  if (master == nullptr) {
    std::string reason = "the master that the sentinels name, " + chosen_.master.host + ":" +
                         std::to_string(chosen_.master.port) + ", does not answer as one";
    if (!role_survey_.Error().empty()) reason += "; " + role_survey_.Error();
    Fail(std::move(reason));
    return;
  }
  epoch_known_ = chosen_.config_epoch;
  auto on_topology = std::move(on_topology_);
  on_topology(protocol::TopologyOfReplicas(role_survey_.Views(), *master, role_survey_.Silent(),
                                           known_));
}

void SentinelSource::Fail(std::string reason) {
  auto on_topology = std::move(on_topology_);
  on_topology(runtime::Fail(std::move(reason)));
}

}  // namespace slotway::proxy
