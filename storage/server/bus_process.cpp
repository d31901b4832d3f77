// SPDX-License-Identifier: Apache-2.0
#include "storage/server/bus_process.h"

#include <algorithm>
#include <utility>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "storage/commands/invalidation.h"
#include "storage/commands/key_change.h"
#include "storage/commands/pubsub_message.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kTickMs = 100;
// What a link may have queued where cluster-link-sendbuf-limit sets no limit.
constexpr std::size_t kQueuedBytesMax = 256u << 20;
constexpr std::size_t kKeysPerStep = 1024;
constexpr std::int64_t kPercent = 100;
constexpr std::int64_t kNodeTimeoutMsMax = 10'000'000'000;  // four months: never

}  // namespace

BusProcess::BusProcess(runtime::EventLoop& loop, ServerState& server, cluster::ClusterState& state,
                       cluster::ReplicationPort& replication, Hooks hooks)
    : loop_(loop),
      server_(server),
      state_(state),
      replication_(replication),
      hooks_(std::move(hooks)),
      random_(runtime::SystemEntropy()),
      timer_(loop) {}

BusProcess::~BusProcess() { *is_alive_ = false; }

runtime::Result<bool> BusProcess::Start() {
  BusLinks::Listener told;
  told.accepted = [this](cluster::LinkId link, cluster::LinkEnds ends) {
    bus_->OnAccepted(link, std::move(ends));
  };
  told.connected = [this](cluster::LinkId link, cluster::LinkEnds ends) {
    bus_->OnConnected(link, std::move(ends));
    EndTurnSoon();
  };
  told.connect_failed = [this](cluster::LinkId link, bool is_refused) {
    bus_->OnConnectFailed(link, is_refused);
    EndTurnSoon();
  };
  told.closed = [this](cluster::LinkId link) {
    bus_->OnClosed(link);
    EndTurnSoon();
  };
  told.received = [this](cluster::LinkId link, const cluster::BusMessage& message) {
    if (server_.cluster.ignored_message == static_cast<std::int64_t>(message.type)) return;
    bus_->OnMessage(link, message);
    EndTurnSoon();
  };
  links_ = std::make_unique<BusLinks>(loop_, server_, std::move(told));
  const std::int64_t port = config::BusPort(server_.Config(), server_.listening_port);
  auto listening = links_->ListenOn(server_.Config().bind, static_cast<std::uint16_t>(port));
  if (!listening) return listening;
  bus_ = std::make_unique<cluster::ClusterBus>(state_, *this, replication_, Settings());
  StartForming();
  bus_->Tick();
  EndTurn();
  timer_.Start(kTickMs, kTickMs, [this] {
    bus_->Tick();
    if (formation_ && formation_->Tick(NowMs())) {
      bus_->SaveSoon();
      bus_->TellAll();
    }
    EndTurn();
  });
  return true;
}

bool BusProcess::CutLinks(std::string_view id, bool incoming, bool outgoing) {
  const auto node = cluster::NodeId::Parse(id);
  if (!node || state_.Find(*node) == cluster::kNoNode) return false;
  for (const cluster::LinkDescription& link : bus_->Links()) {
    if (link.node != *node || !(link.is_outgoing ? outgoing : incoming)) continue;
    links_->Close(link.link);
    bus_->OnClosed(link.link);
  }
  EndTurnSoon();
  return true;
}

void BusProcess::StartForming() {
  const config::ShardConfig& config = server_.Config();
  if (config.cluster_nodes == 0) return;
  formation_ = std::make_unique<cluster::Formation>(
      state_, *bus_,
      cluster::FormationGoal{.nodes = static_cast<int>(config.cluster_nodes),
                             .replicas = static_cast<int>(config.cluster_replicas)});
  // The settings were read with it.
  peer_finder_ = std::make_unique<PeerFinder>(loop_, *bus_, *formation_,
                                              config::ParsePeerList(config.cluster_peers).value(),
                                              static_cast<std::uint16_t>(config.cluster_port));
  peer_finder_->Start();
}

cluster::BusSettings BusProcess::Settings() const {
  const config::ShardConfig& config = server_.Config();
  cluster::BusSettings settings;
  settings.node_timeout_ms =
      std::clamp<std::int64_t>(config.cluster_node_timeout_ms, 1, kNodeTimeoutMsMax);
  settings.replicas_to_ack = config.min_replicas_to_ack;
  settings.lease_ms = settings.node_timeout_ms * config.cluster_lease_percent / kPercent;
  settings.replicates_by_other_port = config.tls_replication != config.tls_cluster;
  settings.announce_ip = config.cluster_announce_ip;
  settings.allows_replica_migration = config.cluster_allow_replica_migration;
  settings.migration_barrier = config.cluster_migration_barrier;
  settings.never_fails_over = config.cluster_replica_no_failover;
  settings.validity_factor = config.cluster_replica_validity_factor;
  return settings;
}

void BusProcess::ApplySettings() {
  bus_->SetSettings(Settings());
  bus_->TellAll();
  EndTurnSoon();
}

void BusProcess::EndTurnSoon() {
  if (std::exchange(is_turn_ending_, true)) return;
  loop_.Defer([this, is_alive = is_alive_] {
    if (*is_alive) EndTurn();
  });
}

void BusProcess::EndTurn() {
  is_turn_ending_ = false;
  bus_->EndOfTurn();
  server_.replication.lacks_data = bus_->LacksData();
  DropSlots();
  const bool has_changed =
      std::exchange(told_version_, state_.OwnersVersion()) != state_.OwnersVersion();
  const bool was_up = std::exchange(told_is_up_, state_.IsUp());
  if (was_up != told_is_up_) {
    runtime::LogInfo("cluster state: {}", told_is_up_ ? "ok" : "fail");
  }
  if (has_changed || was_up != told_is_up_) hooks_.changed();
}

void BusProcess::DropSlots() {
  if (!server_.busy_error.empty()) return;
  if (!lost_.Empty()) {
    cluster::SlotBitmap lost = std::exchange(lost_, {});
    cluster::SlotBitmap(lost).ForEach([&](protocol::Slot slot) {
      if (state_.IsMine(slot)) lost.Drop(slot);
    });
    hooks_.lost(lost);
  }
  if (dropped_.empty()) return;
  server_.RefreshClock();
  Keyspace& keys = server_.Database(0);
  std::vector<std::string> names;
  for (protocol::Slot slot : std::exchange(dropped_, {})) {
    if (state_.IsMine(slot)) continue;
    do {
      names.clear();
      keys.ForEachInSlot(slot, kKeysPerStep,
                         [&names](const Entry& entry) { names.emplace_back(entry.key()); });
      for (const std::string& name : names) {
        keys.Delete(slot, name, server_.now_ms);
        TellOfKeyChange(server_, 0, name, config::kNotifyGeneric, "del");
      }
    } while (!names.empty());
  }
}

void BusProcess::DropAllKeys() {
  for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
    if (HasKeys(protocol::Slot(slot))) dropped_.push_back(protocol::Slot(slot));
  }
}

std::int64_t BusProcess::NowMs() const { return static_cast<std::int64_t>(runtime::BootTimeMs()); }

std::int64_t BusProcess::UnixMs() const { return runtime::UnixMs(); }

std::uint64_t BusProcess::ConnectTimeoutMs() const {
  constexpr std::int64_t kConnectMsMin = 1000;
  constexpr std::int64_t kConnectMsMax = 60'000;
  return static_cast<std::uint64_t>(
      std::clamp(server_.Config().cluster_node_timeout_ms, kConnectMsMin, kConnectMsMax));
}

cluster::LinkId BusProcess::Connect(const std::string& ip, std::uint16_t bus_port) {
  return links_->Connect(ip, bus_port, ConnectTimeoutMs());
}

void BusProcess::Send(cluster::LinkId link, const cluster::BusMessage& message) {
  const auto limit = static_cast<std::size_t>(server_.Config().cluster_link_sendbuf_limit);
  links_->Send(link, message, limit == 0 ? kQueuedBytesMax : limit);
}

void BusProcess::OnSaved(std::uint64_t number, const std::string& problem) {
  const bool has_failed = !problem.empty();
  if (has_failed && !has_failed_to_save_) {
    runtime::LogError(
        "cluster: nodes.conf cannot be written, so this node neither votes nor stands for "
        "election: {}",
        problem);
  } else if (!has_failed && has_failed_to_save_) {
    runtime::LogInfo("cluster: nodes.conf can be written again");
  }
  has_failed_to_save_ = has_failed;
  bus_->OnSaved(number, !has_failed);
  EndTurnSoon();
}

void BusProcess::Deliver(const cluster::BusMessage& message) {
  const bool is_shard = message.type == cluster::BusMessageType::kShardPublish;
  PublishMessage(server_, is_shard ? ChannelKind::kShard : ChannelKind::kChannel, message.channel,
                 message.payload);
}

bool BusProcess::HasKeys(protocol::Slot slot) const {
  const Keyspace* keys = server_.DatabaseIfUsed(0);
  return keys != nullptr && keys->SizeOfSlot(slot) != 0;
}

void BusProcess::AskToTakeOver(const std::string& ip, std::uint16_t port, bool is_forced) {
  takeover_ = std::make_unique<TakeoverRequest>(
      loop_, server_, ip, port, is_forced, [this](std::string_view error) {
        const std::string told(error);  // by what ends here
        takeover_.reset();
        bus_->OnTakeoverAnswer(told);
        EndTurnSoon();
      });
}

void BusProcess::Log(std::string_view text) { runtime::LogInfo("cluster: {}", text); }

}  // namespace slotway::storage
