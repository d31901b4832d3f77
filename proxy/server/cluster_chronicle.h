// SPDX-License-Identifier: Apache-2.0
// Notes what happens in the cluster as topologies come. Belongs to the main loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "proxy/backend/topology_refresher.h"
#include "proxy/server/topology_news.h"

namespace slotway::proxy {

class ClusterChronicle {
 public:
  using OnNews = std::function<void(const TopologyNews&)>;

  explicit ClusterChronicle(OnNews on_news) : on_news_(std::move(on_news)) {}

  // The first one is no news.
  void Take(const TopologyRefresher::Snapshot& topology) {
    const TopologyRefresher::Snapshot before = std::exchange(last_, topology);
    if (before == nullptr || before == topology) return;
    for (const TopologyNews& news : NewsBetween(*before, *topology)) {
      if (news.kind == TopologyNews::Kind::kFailover) ++failovers_;
      on_news_(news);
    }
  }

  // Since the start.
  std::uint64_t Failovers() const { return failovers_; }

 private:
  OnNews on_news_;
  TopologyRefresher::Snapshot last_;
  std::uint64_t failovers_ = 0;
};

}  // namespace slotway::proxy
