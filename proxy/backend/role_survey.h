// SPDX-License-Identifier: Apache-2.0
// Asks a master and its replicas how they stand in their replication. Belongs to its loop's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/replica_topology.h"
#include "proxy/backend/node_survey.h"

namespace slotway::proxy {

class RoleSurvey {
 public:
  RoleSurvey(runtime::EventLoop& loop, const config::BackendConfig& settings)
      : settings_(settings), survey_(loop) {}

  // Whether a view says so much that the others need not be waited for long. `place`: of the node
  // in `nodes`.
  using IsEnough = std::function<bool(const protocol::ReplicationView&, std::size_t place)>;
  void Begin(std::vector<protocol::Endpoint> nodes, IsEnough is_enough,
             std::function<void()> on_end);

  const std::vector<protocol::ReplicationView>& Views() const { return views_; }
  // The master among the answers of the node at this place in `nodes`; nullptr if there is none.
  const protocol::ReplicationView* MasterAt(std::size_t place) const;
  const std::vector<protocol::Endpoint>& Silent() const { return survey_.Silent(); }
  const std::string& Error() const { return survey_.Error(); }

 private:
  std::string Take(const NodeSurvey::Answer& answer);

  const config::BackendConfig& settings_;
  NodeSurvey survey_;
  IsEnough is_enough_;
  std::vector<protocol::ReplicationView> views_;
  std::vector<std::size_t> places_;  // of the views' nodes
};

}  // namespace slotway::proxy
