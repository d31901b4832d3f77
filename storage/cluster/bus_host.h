// SPDX-License-Identifier: Apache-2.0
// What the cluster bus needs of the process around it: time, chance, links, the disk, the keys.
//
// The bus does nothing else with the world, so a simulation can be its world. Engine thread.
// Nothing here calls back into the bus; what comes of Connect() is told later.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/slot.h"
#include "storage/cluster/bus_message.h"
#include "storage/cluster/cluster_state.h"

namespace slotway::storage::cluster {

// A connection to or from another node's bus port. 0 is none; numbers do not come again.
enum class LinkId : std::uint64_t {};
inline constexpr LinkId kNoLink{0};

// Numeric addresses of both ends of a link.
struct LinkEnds {
  std::string local_ip;
  std::string peer_ip;
};

class BusHost {
 public:
  virtual ~BusHost() = default;

  // Never goes back, also across pauses of the process.
  virtual std::int64_t NowMs() const = 0;
  virtual std::int64_t UnixMs() const = 0;
  virtual std::uint64_t Random() = 0;

  virtual LinkId Connect(const std::string& ip, std::uint16_t bus_port) = 0;
  // A link that takes too little is closed, and that is told.
  virtual void Send(LinkId link, const BusMessage& message) = 0;
  // Nothing is told about the link afterwards.
  virtual void Close(LinkId link) = 0;

  // Begins to write nodes.conf as `state` says, which may be ahead of the bus's own. What comes of
  // it is told as OnSaved() with the same number; a later one that was written in its place counts
  // for it. Numbers grow.
  virtual void Save(const ClusterState& state, std::uint64_t number) = 0;
  // PUBLISH and PUBLISHSHARD of another node.
  virtual void Deliver(const BusMessage& message) = 0;
  virtual bool HasKeys(protocol::Slot slot) const = 0;
  // The slot went to another node, which has its keys now.
  virtual void DropKeys(protocol::Slot slot) = 0;
  virtual void DropAllKeys() = 0;
  // Tells a replica of this node, as a client of it, to take over: CLUSTER FAILOVER, with FORCE if
  // this node has nothing that it would have to wait for. The answer comes as OnTakeoverAnswer();
  // who is asked again meanwhile gives up the question before.
  virtual void AskToTakeOver(const std::string& ip, std::uint16_t port, bool is_forced) = 0;
  virtual void Log(std::string_view text) = 0;
};

}  // namespace slotway::storage::cluster
