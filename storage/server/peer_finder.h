// SPDX-License-Identifier: Apache-2.0
// Meets the nodes of cluster-peers for as long as this node needs to be met.
//
// Names are resolved anew each time: whoever has come back under another address is found again.
// One round at a time. Engine thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "config/peer_list.h"
#include "runtime/event_loop.h"
#include "runtime/socket_address.h"
#include "storage/cluster/cluster_bus.h"
#include "storage/cluster/formation.h"

namespace slotway::storage {

class PeerFinder {
 public:
  // `bus_port` 0: each node's port + 10000.
  PeerFinder(runtime::EventLoop& loop, cluster::ClusterBus& bus,
             const cluster::Formation& formation, std::vector<config::PeerAddress> peers,
             std::uint16_t bus_port);
  ~PeerFinder();

  void Start();

 private:
  void Look();
  void Meet(const runtime::SocketAddress& address);

  runtime::EventLoop& loop_;
  cluster::ClusterBus& bus_;
  const cluster::Formation& formation_;
  std::vector<config::PeerAddress> peers_;
  std::uint16_t bus_port_;
  std::size_t pending_ = 0;  // names that are being resolved
  runtime::Timer timer_;
  // shared: with resolutions on their way, which do nothing once this object is gone.
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace slotway::storage
