// SPDX-License-Identifier: Apache-2.0
// Where the topology comes from: the nodes of a cluster, a master and its replicas, or sentinels.
//
// One implementation per kind of backend. Belongs to its loop's thread; destroying one gives its
// round up.
#pragma once

#include <functional>
#include <memory>

#include "config/proxy_config.h"
#include "protocol/topology.h"
#include "runtime/event_loop.h"
#include "runtime/result.h"

namespace slotway::proxy {

class TopologySource {
 public:
  // The topology, or why nothing was learned. Called once per round, never from within Ask().
  using OnTopology = std::function<void(runtime::Result<protocol::Topology>)>;

  virtual ~TopologySource() = default;
  // Begins a round. `known` is what was learned last, or null, and stays as it is until the end of
  // the round. REQUIRES: no round is under way.
  virtual void Ask(const protocol::Topology* known, OnTopology on_topology) = 0;
};

// The source for the settings' kind of backend. `refresh` is called when the source hears of a
// change by itself: a round should begin soon.
std::unique_ptr<TopologySource> MakeTopologySource(runtime::EventLoop& loop,
                                                   const config::BackendConfig& settings,
                                                   std::function<void()> refresh);

}  // namespace slotway::proxy
