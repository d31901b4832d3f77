// SPDX-License-Identifier: Apache-2.0
// The topology of a master and its replicas that the settings list: asks each of them its role.
//
// A promotion is followed when the old master was demoted or does not answer. While it still
// answers as a master it stays ours, even if a second one appears: that may be a copy which
// somebody detached. (protocol::ChooseMaster() has the rules.)
#pragma once

#include "proxy/backend/role_survey.h"
#include "proxy/backend/topology_source.h"

namespace slotway::proxy {

class ReplicaSource final : public TopologySource {
 public:
  ReplicaSource(runtime::EventLoop& loop, const config::BackendConfig& settings)
      : settings_(settings), survey_(loop, settings) {}

  void Ask(const protocol::Topology* known, OnTopology on_topology) override;

 private:
  void End();

  const config::BackendConfig& settings_;
  RoleSurvey survey_;
  OnTopology on_topology_;
  const protocol::Topology* known_ = nullptr;
};

}  // namespace slotway::proxy
