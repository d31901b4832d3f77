// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/replica_source.h"

#include <utility>

namespace slotway::proxy {

void ReplicaSource::Ask(const protocol::Topology* known, OnTopology on_topology) {
  known_ = known;
  on_topology_ = std::move(on_topology);
  std::vector<protocol::Endpoint> nodes;
  for (const config::Endpoint& seed : settings_.seeds) nodes.push_back({seed.host, seed.port});
  auto is_enough = [this](const protocol::ReplicationView& view, std::size_t) {
    const protocol::Endpoint* master = protocol::MasterOf(known_);
    return master != nullptr && view.info.is_master && view.endpoint == *master;
  };
  survey_.Begin(std::move(nodes), is_enough, [this] { End(); });
}

void ReplicaSource::End() {
  auto on_topology = std::move(on_topology_);
  const auto* master = protocol::ChooseMaster(survey_.Views(), protocol::MasterOf(known_));
  if (master != nullptr) {
    on_topology(protocol::TopologyOfReplicas(survey_.Views(), *master, survey_.Silent(), known_));
    return;
  }
  std::string reason = "no node says that it is a master";
  if (!survey_.Error().empty()) reason += "; " + survey_.Error();
  on_topology(runtime::Fail(std::move(reason)));
}

}  // namespace slotway::proxy
