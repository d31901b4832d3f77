// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/role_survey.h"

#include <utility>

namespace slotway::proxy {
namespace {

// Of one name; a headless service has an address per pod, and each of them may be the master.
constexpr std::size_t kAddressesMax = 64;

}  // namespace

void RoleSurvey::Begin(std::vector<protocol::Endpoint> nodes, IsEnough is_enough,
                       std::function<void()> on_end) {
  views_.clear();
  places_.clear();
  is_enough_ = std::move(is_enough);
  NodeSurvey::Plan plan;
  plan.nodes = std::move(nodes);
  plan.addresses_max = kAddressesMax;
  plan.questions = {{"INFO", "replication"}};
  plan.login = LoginOf(settings_);
  plan.timeout_ms = settings_.connect_timeout_ms;
  plan.take = [this](const NodeSurvey::Answer& answer) { return Take(answer); };
  plan.is_enough = [this] { return is_enough_(views_.back(), places_.back()); };
  plan.on_end = std::move(on_end);
  survey_.Begin(std::move(plan));
}

std::string RoleSurvey::Take(const NodeSurvey::Answer& answer) {
  auto info = protocol::ParseReplicationInfo(answer.replies[0].text);
  if (!info) return info.error();
  views_.push_back({answer.from, std::move(*info)});
  places_.push_back(answer.place);
  return {};
}

const protocol::ReplicationView* RoleSurvey::MasterAt(std::size_t place) const {
  for (std::size_t i = 0; i < views_.size(); ++i) {
    if (places_[i] == place && views_[i].info.is_master) return &views_[i];
  }
  return nullptr;
}

}  // namespace slotway::proxy
