// SPDX-License-Identifier: Apache-2.0
// The cluster bus in a shard process: its clock, links, disk and keys, and the timer that drives
// it.
//
// Engine thread. Construct, Start(); destroy before the state and the server's databases.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/event_loop.h"
#include "runtime/random.h"
#include "storage/cluster/cluster_bus.h"
#include "storage/commands/server_state.h"
#include "storage/server/bus_links.h"
#include "storage/server/peer_finder.h"
#include "storage/server/takeover_request.h"

namespace slotway::storage {

class BusProcess final : public cluster::BusHost {
 public:
  struct Hooks {
    // Begins to write nodes.conf; what comes of it is told as OnSaved() with the same number.
    std::function<void(const cluster::ClusterState& state, std::uint64_t number)> save;
    // Slots have changed hands, or the cluster is up or down since the last time.
    std::function<void()> changed;
    // These slots went to other nodes, which have their keys now.
    std::function<void(const cluster::SlotBitmap&)> lost;
  };

  BusProcess(runtime::EventLoop& loop, ServerState& server, cluster::ClusterState& state,
             cluster::ReplicationPort& replication, Hooks hooks);
  ~BusProcess() override;

  runtime::Result<bool> Start();
  void ApplySettings();
  cluster::ClusterBus& Bus() { return *bus_; }
  const BusLinks& Links() const { return *links_; }
  // After commands: what they changed is told at the end of this turn.
  void EndTurnSoon();
  // Closes links with this node, as if it had; false: there is no such node.
  bool CutLinks(std::string_view id, bool incoming, bool outgoing);
  // Empty: it is on the disk; else why not.
  void OnSaved(std::uint64_t number, const std::string& problem);
  bool IsLeaseOver() const { return NowMs() >= bus_->ServesUntilMs(); }

  std::int64_t NowMs() const override;
  std::int64_t UnixMs() const override;
  std::uint64_t Random() override { return random_.Next(); }
  cluster::LinkId Connect(const std::string& ip, std::uint16_t bus_port) override;
  void Send(cluster::LinkId link, const cluster::BusMessage& message) override;
  void Close(cluster::LinkId link) override { links_->Close(link); }
  void Save(const cluster::ClusterState& state, std::uint64_t number) override {
    hooks_.save(state, number);
  }
  void Deliver(const cluster::BusMessage& message) override;
  bool HasKeys(protocol::Slot slot) const override;
  void DropKeys(protocol::Slot slot) override { lost_.Add(slot); }
  void DropAllKeys() override;
  void AskToTakeOver(const std::string& ip, std::uint16_t port, bool is_forced) override;
  void Log(std::string_view text) override;

 private:
  cluster::BusSettings Settings() const;
  void EndTurn();
  void StartForming();
  void DropSlots();
  std::uint64_t ConnectTimeoutMs() const;

  runtime::EventLoop& loop_;
  ServerState& server_;
  cluster::ClusterState& state_;
  cluster::ReplicationPort& replication_;
  Hooks hooks_;
  runtime::Random random_;
  std::unique_ptr<BusLinks> links_;
  std::unique_ptr<cluster::ClusterBus> bus_;
  std::unique_ptr<cluster::Formation> formation_;  // nullptr: without cluster-peers
  std::unique_ptr<PeerFinder> peer_finder_;
  std::unique_ptr<TakeoverRequest> takeover_;  // a replica is asked
  runtime::Timer timer_;
  // Their keys go when no script is in the middle of them.
  std::vector<protocol::Slot> dropped_;
  cluster::SlotBitmap lost_;
  bool is_turn_ending_ = false;
  std::uint64_t told_version_ = 0;
  bool told_is_up_ = false;
  bool has_failed_to_save_ = false;
  // shared: with deferred tasks, which do nothing once this object is gone.
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace slotway::storage
