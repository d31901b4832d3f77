// SPDX-License-Identifier: Apache-2.0
// What the server asks of its cluster: may this request be served here, and the CLUSTER command.
//
// Holds the ClusterState, the cluster bus that keeps it true, and nodes.conf. Engine thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/command.h"
#include "protocol/key_extraction.h"
#include "runtime/result.h"
#include "storage/cluster/cluster_state.h"
#include "storage/cluster/nodes_conf.h"
#include "storage/cluster/slot_guard.h"
#include "storage/commands/command_context.h"
#include "storage/server/bus_process.h"
#include "storage/server/bus_replication.h"
#include "storage/server/migration_host.h"
#include "storage/server/nodes_conf_writer.h"
#include "storage/server/slot_migrations.h"

namespace slotway::storage {

// What decides of a request's slot: its keys, or its shard channels.
protocol::KeyExtractionError ExtractSlotted(const protocol::CommandSpec& spec,
                                            std::span<const std::string_view> args,
                                            std::vector<protocol::KeyPosition>& out);

class ClusterGateway final : private MigrationHost {
 public:
  struct Hooks {
    std::function<void()> changed;    // slots have changed hands by the bus
    std::function<void()> let_go_on;  // clients that were held for a hand-over
  };
  // Reads cluster-config-file, or begins as a lone node; starts the bus. REQUIRES: the server
  // listens already.
  static runtime::Result<std::unique_ptr<ClusterGateway>> Open(ServerState& server,
                                                               runtime::EventLoop& loop,
                                                               Hooks hooks);
  ~ClusterGateway() override { *is_alive_ = false; }

  bool Owns(protocol::Slot slot) const { return state_.OwnerOf(slot) == state_.MyIndex(); }
  bool ServesDirectly(protocol::Slot slot) const { return state_.ServesDirectly(slot); }
  // The error that answers a request for `keys` instead of serving it; empty: serve.
  std::string ErrorFor(CommandContext& ctx, std::span<const protocol::KeyPosition> keys);
  // The same for EXEC: the keys of everything that its client has queued.
  std::string ErrorForTransaction(CommandContext& ctx);
  // The same for a command within a script.
  KeysPlace PlaceOf(CommandContext& ctx, std::span<const protocol::KeyPosition> keys);
  // The same for a request that waits for its keys: what became of their slot meanwhile.
  std::string ErrorForWaiting(const ClientState& client, const WaitingRequest& request);
  // The CLUSTER command.
  void Run(CommandContext& ctx);
  void ApplySettings();

  // To be called before requests are run: whether this node may still serve.
  void CheckLease() { bus_->Bus().CheckLease(); }
  // Until when what was run now may be answered, as BootTimeMs().
  std::int64_t LeaseEndsMs() const { return bus_->Bus().ServesUntilMs(); }
  bool MayBeReplaced() const { return bus_->Bus().MayBeReplaced(); }
  // Whether the replies to this client may leave. Once too much time has passed they never may.
  enum class News : std::uint8_t { kKnown, kOnTheirWay, kLost };
  News ShardNewsOf(const ClientState& client);
  // To be called when the data is loaded; `is_all`: from a log that has all of it.
  void OnLoaded(bool is_all);
  // To be called when something of the master's stream was applied.
  void OnStream() {
    if (bus_->Bus().AwaitsStream()) bus_->EndTurnSoon();
  }
  // Asks a replica to take over from this master, which is about to go; false if there is none.
  bool HandOver(std::int64_t for_ms);
  bool ExpectsHeir() const;
  bool IsHandingOver() const { return bus_->Bus().IsHandingOver(); }
  void Publish(std::string_view channel, std::string_view payload, bool is_shard) {
    bus_->Bus().Publish(channel, payload, is_shard);
  }

  SlotMigrations& Migrations() { return *migrations_; }
  // The nodes of this node's shard that it knows of, this one included.
  std::size_t ShardSize() const { return 1 + state_.ReplicasOf(state_.MyIndex()).size(); }
  // INFO's and CLUSTER INFO's view.
  bool IsUp() const { return state_.IsUp(); }

 private:
  ClusterGateway(ServerState& server, std::unique_ptr<cluster::NodesConfFile> file,
                 cluster::ClusterState state)
      : server_(server), file_(std::move(file)), state_(std::move(state)), replication_(server) {}

  const cluster::ClusterState& State() const override { return state_; }
  std::int64_t NowMs() const override { return bus_->NowMs(); }
  bool TakeSlots(const cluster::SlotBitmap& slots, ClientState& client,
                 const std::function<bool()>& is_in_time) override;
  void GiveSlots(const cluster::NodeId& target, cluster::Epoch epoch,
                 const cluster::SlotBitmap& slots) override;
  void RaiseEpoch() override;
  cluster::TargetNews NewsOf(const cluster::NodeId& target, std::int64_t since_ms) const override;
  std::int64_t LivingReplicas() const override;

  void OpenWriter(runtime::EventLoop& loop);
  cluster::GuardedRequest RequestOf(CommandContext& ctx,
                                    std::span<const protocol::KeyPosition> keys);
  // Adds what the client has asked for.
  cluster::Judgement Judge(CommandContext& ctx, cluster::GuardedRequest request);
  bool ReadsReplica(const ClientState& client) const;
  // Nothing to serve it.
  std::string ErrorOf(const ClientState& client, const cluster::Judgement& judgement) const;
  void ApplyPolicy();
  // For a command: at the end of this turn, with what else comes in it. Its reply leaves once that
  // is on the disk; if it fails the client gets none.
  void SaveFor(ClientState& client);
  void OnSaved(std::uint64_t number, const std::string& problem);
  // The replies to this client wait until the replicas know.
  void AwaitShard(ClientState& client, std::uint64_t news) const;
  // How this client is shown addresses.
  cluster::EndpointView ViewOf(const ClientState& client) const;

  ServerState& server_;
  std::unique_ptr<cluster::NodesConfFile> file_;
  cluster::ClusterState state_;
  BusReplication replication_;
  std::unique_ptr<BusProcess> bus_;
  std::unique_ptr<SlotMigrations> migrations_;
  // Of the clients whose replies wait for the disk: the number of the save, 0 if it has failed.
  std::map<std::uint64_t, std::uint64_t> awaited_saves_;
  std::vector<std::string_view> keys_;
  std::unique_ptr<NodesConfWriter> writer_;
  // shared: with posted tasks, which do nothing once this object is gone.
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace slotway::storage
