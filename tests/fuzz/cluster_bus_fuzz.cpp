// SPDX-License-Identifier: Apache-2.0
// Input: a node's place, then what happens to it on the cluster bus: time, links that come and go,
// CLUSTER commands, and messages of known and unknown nodes whose fields are anything the wire can
// carry. Whatever comes, the node's view of the cluster stays one that nodes.conf can hold.
#include <array>
#include <iterator>
#include <string>

#include "storage/cluster/formation.h"
#include "storage/cluster/nodes_conf.h"
#include "storage/cluster/test_bus.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace slotway;
using namespace slotway::storage::cluster;

constexpr int kPlaces = 9;  // the first six know each other

class Play {
 public:
  explicit Play(std::string_view input)
      : input_(input),
        my_place_(Take() % 6),
        bus_(my_place_),
        formation_(bus_.state, bus_.bus, {6, 1}) {}

  void Run() {
    for (int step = 0; step < 200 && !input_.empty(); ++step) Step();
    CheckState();
  }

 private:
  int Take() { return static_cast<int>(fuzz::TakeByte(input_)); }
  std::uint16_t TakeShort() { return static_cast<std::uint16_t>(Take() << 8 | Take()); }
  NodeId IdOf(int place) const { return *NodeId::Parse(TestId(place % kPlaces)); }
  // Mostly small, sometimes as large as it gets.
  std::uint64_t TakeNumber() {
    const int byte = Take();
    if (byte < 200) return static_cast<std::uint64_t>(byte % 16);
    return byte < 250 ? TakeShort() : ~std::uint64_t{0} - static_cast<std::uint64_t>(byte);
  }

  void Step() {
    const int what = Take();
    switch (what % 8) {
      case 0:
        return Pass();
      case 1:
        return Link();
      case 2:
        return Command();
      default:
        Tell();
    }
    bus_.bus.EndOfTurn();
  }

  void Pass() {
    bus_.host.now_ms += Take() * 20;
    bus_.bus.CheckLease();
    bus_.bus.Tick();
    formation_.Tick(bus_.host.now_ms);
    bus_.bus.EndOfTurn();
  }

  // One that this node has opened.
  LinkId SomeOutgoing() {
    const auto& connected = bus_.host.connected;
    const auto place = static_cast<std::size_t>(Take());
    return connected.empty() ? kNoLink : connected[place % connected.size()].second;
  }

  LinkId SomeLink() {
    const auto place = static_cast<std::size_t>(Take());
    return bus_.host.links == 0 ? kNoLink : LinkId(1 + place % bus_.host.links);
  }

  void Link() {
    const int what = Take();
    const LinkEnds ends{"127.0.0.1", "127.0.0." + std::to_string(1 + what % 3)};
    switch (what % 4) {
      case 0:
        return bus_.bus.OnAccepted(LinkId(++bus_.host.links), ends);
      case 1:
        return bus_.bus.OnConnected(SomeOutgoing(), ends);
      case 2:
        return bus_.bus.OnConnectFailed(SomeOutgoing(), what % 8 > 3);
      default:
        return bus_.bus.OnClosed(SomeLink());
    }
  }

  void Command() {
    const int what = Take();
    const std::string id = TestId(Take() % kPlaces);
    switch (what % 8) {
      case 0:
        bus_.bus.Meet("127.0.0.1", static_cast<std::uint16_t>(7001 + what), TakeShort());
        return;
      case 1:
        bus_.bus.Forget(id);
        return;
      case 2:
        bus_.bus.Replicate(id);
        return;
      case 3:
        bus_.bus.Failover(static_cast<FailoverKind>(Take() % 3));
        return;
      case 4:
        bus_.bus.OnLoaded(what > 100);
        return;
      case 5:
        bus_.bus.HandOver(Take() * 100);
        return;
      case 6:
        bus_.bus.OnTakeoverAnswer(what > 100 ? "no" : "");
        return;
      default:
        bus_.host.offset = static_cast<std::int64_t>(TakeShort());
        bus_.host.has_copy = !bus_.host.has_copy;
    }
  }

  SlotBitmap TakeSlots() {
    SlotBitmap slots;
    const int first = TakeShort() % protocol::kSlotCount;
    const int count = Take() * 64;
    for (int slot = first; slot < first + count && slot < protocol::kSlotCount; ++slot) {
      slots.Add(protocol::Slot(slot));
    }
    return slots;
  }

  BusMessage TakeMessage() {
    const auto type = static_cast<BusMessageType>(Take() % static_cast<int>(kBusMessageTypes));
    const int place = Take() % kPlaces;
    BusMessage message = place < 6 ? bus_.From(place, type) : BusMessage();
    message.type = type;
    message.sender = IdOf(place);
    const int changes = Take();
    if ((changes & 1) != 0) message.current_epoch = Epoch(TakeNumber());
    if ((changes & 2) != 0) message.config_epoch = Epoch(TakeNumber());
    if ((changes & 4) != 0) message.slots = TakeSlots();
    if ((changes & 8) != 0) message.wire_flags = TakeShort();
    if ((changes & 16) != 0) message.message_flags = static_cast<std::uint8_t>(Take());
    if ((changes & 32) != 0) message.offset = static_cast<std::int64_t>(TakeNumber());
    if ((changes & 64) != 0) message.master = IdOf(Take());
    if ((changes & 128) != 0) message.master.reset();
    if (CarriesGossip(type)) TakeGossip(message);
    message.failed = IdOf(Take());
    if (type == BusMessageType::kUpdate) {
      message.update = {IdOf(Take()), Epoch(TakeNumber()), TakeSlots()};
    }
    return message;
  }

  void TakeGossip(BusMessage& message) {
    for (int count = Take() % 4; count > 0; --count) {
      GossipEntry entry;
      entry.id = IdOf(Take());
      entry.ip = "127.0.0." + std::to_string(Take() % 4);
      entry.port = TakeShort();
      entry.bus_port = TakeShort();
      entry.wire_flags = TakeShort();
      message.gossip.push_back(std::move(entry));
    }
    const int extensions = Take();
    if ((extensions & 1) != 0) message.hostname = std::string(input_.substr(0, 20));
    if ((extensions & 2) != 0) message.shard_id = IdOf(Take());
    if ((extensions & 4) != 0) message.forgotten.push_back({IdOf(Take()), TakeNumber()});
    if ((extensions & 8) != 0) message.grant = {{TakeShort(), TakeShort(), Epoch(TakeNumber())}};
    if ((extensions & 16) == 0) return;
    message.open_slots.emplace();
    for (int count = Take() % 4; count > 0; --count) {
      const auto slot = protocol::Slot(TakeShort() % protocol::kSlotCount);
      message.open_slots->push_back({slot, count % 2 == 0, IdOf(Take())});
    }
  }

  // As it would come over the wire, by a link that may be another node's.
  void Tell() {
    const BusMessage message = TakeMessage();
    const int way = Take();
    std::string bytes;
    EncodeBusMessage(message, bytes);
    const auto heard = DecodeBusMessage(bytes);
    if (!heard) return;
    const auto mine = bus_.links.find(message.sender.Text()[0] - 'a');
    const LinkId link = way > 50 && mine != bus_.links.end() ? mine->second : SomeLink();
    bus_.bus.OnMessage(link, *heard);
  }

  void CheckState() {
    const ClusterState& state = bus_.state;
    FUZZ_CHECK(state.HasMyself());
    std::array<int, 16384> owned{};
    int assigned = 0;
    for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
      const NodeIndex owner = state.OwnerOf(protocol::Slot(slot));
      if (owner == kNoNode) continue;
      FUZZ_CHECK(static_cast<std::size_t>(owner) < state.Nodes().size());
      ++owned[static_cast<std::size_t>(owner)];
      ++assigned;
    }
    FUZZ_CHECK(state.CountSlots().assigned == assigned);
    for (std::size_t i = 0; i < state.Nodes().size(); ++i) {
      const ClusterNode& node = state.Nodes()[i];
      FUZZ_CHECK(static_cast<int>(node.slot_count) == owned[i]);
      FUZZ_CHECK(node.master == kNoNode ||
                 static_cast<std::size_t>(node.master) < state.Nodes().size());
    }
    const auto read = ParseNodesConf(FormatNodesConf(state));
    FUZZ_CHECK(read.has_value());
    FUZZ_CHECK(read->CountSlots().assigned == assigned);
    FUZZ_CHECK(read->Myself().id == state.Myself().id);
  }

  std::string_view input_;
  int my_place_;
  TestBus bus_;
  Formation formation_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Play(slotway::fuzz::AsText(data, size)).Run();
  return 0;
}
