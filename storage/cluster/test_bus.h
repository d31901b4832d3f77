// SPDX-License-Identifier: Apache-2.0
// For tests: one node of three shards on the cluster bus, and its peers as the test plays them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "storage/cluster/bus_fixture.h"
#include "storage/cluster/cluster_bus.h"
#include "storage/cluster/cluster_fixture.h"

namespace slotway::storage::cluster {

// One node of ThreeShards(), and its peers as the test plays them.
class TestBus {
 public:
  explicit TestBus(int my_place, BusSettings settings = {})
      : TestBus(ThreeShards(my_place), settings) {}
  TestBus(ClusterState view, BusSettings settings)
      : state(std::move(view)), bus(state, host, host, settings) {
    bus.Tick();
    for (const auto& [address, link] : host.connected) {
      const int place = std::stoi(address.substr(address.size() - 5)) - 17001;
      links[place] = link;
      bus.OnConnected(link, {"127.0.0.1", "127.0.0.1"});
    }
    EndTurn();
  }

  void EndTurn() {
    bus.EndOfTurn();
    host.EndSaves(bus);
  }
  BusMessage From(int place, BusMessageType type) const {
    const auto index = NodeIndex(place);
    BusMessage message;
    message.type = type;
    message.sender = *NodeId::Parse(TestId(place));
    message.port = static_cast<std::uint16_t>(7001 + place);
    message.bus_port = static_cast<std::uint16_t>(17001 + place);
    message.current_epoch = state.CurrentEpoch();
    message.config_epoch = state.Node(state.MasterOf(index)).config_epoch;
    message.slots = state.BitmapOf(state.MasterOf(index));
    message.wire_flags = FlagsToWire(place < 3 ? NodeFlag::kMaster : NodeFlag::kReplica);
    if (place >= 3) message.master = *NodeId::Parse(TestId(place - 3));
    return message;
  }
  void Tell(const BusMessage& message) {
    const int place = message.sender.Text()[0] - 'a';
    bus.OnMessage(links[place], message);
    EndTurn();
  }
  void Answer(int place) { Tell(From(place, BusMessageType::kPong)); }
  void Pass(std::int64_t ms) {
    for (std::int64_t end_ms = host.now_ms + ms; host.now_ms < end_ms;) {
      host.now_ms += 100;
      for (int place : answering) Answer(place);
      bus.Tick();
      EndTurn();
    }
  }
  BusMessage Fail(int reporter, int failed) {
    BusMessage message = From(reporter, BusMessageType::kFail);
    message.failed = *NodeId::Parse(TestId(failed));
    return message;
  }

  QuietHost host;
  ClusterState state;
  ClusterBus bus;
  std::map<int, LinkId> links;
  std::set<int> answering;  // whose pongs come all the while
};

}  // namespace slotway::storage::cluster
