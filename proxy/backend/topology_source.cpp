// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/topology_source.h"

#include <utility>

#include "proxy/backend/cluster_source.h"
#include "proxy/backend/replica_source.h"
#include "proxy/backend/sentinel_source.h"

namespace slotway::proxy {

std::unique_ptr<TopologySource> MakeTopologySource(runtime::EventLoop& loop,
                                                   const config::BackendConfig& settings,
                                                   std::function<void()> refresh) {
  switch (settings.kind) {
    case config::BackendKind::kMasterReplica:
      return std::make_unique<ReplicaSource>(loop, settings);
    case config::BackendKind::kSentinel:
      return std::make_unique<SentinelSource>(loop, settings, std::move(refresh));
    case config::BackendKind::kCluster:
      break;
  }
  return std::make_unique<ClusterSource>(loop, settings);
}

}  // namespace slotway::proxy
