// SPDX-License-Identifier: Apache-2.0
#include "storage/server/cluster_gateway.h"

#include <array>
#include <limits>
#include <utility>

#include "runtime/log.h"
#include "storage/cluster/cluster_command.h"
#include "storage/commands/script_host.h"
#include "storage/commands/transaction.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kNoNews = std::numeric_limits<std::uint64_t>::max();

std::array<std::uint8_t, 20> RandomBytes(ServerState& server) {
  std::array<std::uint8_t, 20> bytes;
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(server.random.Next());
  return bytes;
}

cluster::MyAddress AddressOf(const ServerState& server) {
  const config::ShardConfig& config = server.Config();
  auto or_else = [](std::int64_t announced, std::int64_t own) {
    return static_cast<std::uint16_t>(announced != 0 ? announced : own);
  };
  cluster::MyAddress address;
  address.ip = config.cluster_announce_ip;
  const std::uint16_t plain = or_else(config.cluster_announce_port, server.listening_port);
  const std::uint16_t tls = or_else(config.cluster_announce_tls_port, config.tls_port);
  address.port = config.tls_cluster ? tls : plain;
  address.other_port = config.tls_cluster ? plain : tls;
  const std::int64_t bus_port = config::BusPort(config, server.listening_port);
  address.bus_port = or_else(config.cluster_announce_bus_port, bus_port);
  address.hostname = config.cluster_announce_hostname;
  return address;
}

}  // namespace

runtime::Result<std::unique_ptr<ClusterGateway>> ClusterGateway::Open(ServerState& server,
                                                                      runtime::EventLoop& loop,
                                                                      Hooks hooks) {
  const config::ShardConfig& config = server.Config();
  std::filesystem::path path = config.cluster_config_file;
  if (path.is_relative()) path = std::filesystem::path(config.dir) / path;
  auto file = cluster::NodesConfFile::Open(path);
  if (!file) return tl::unexpected(file.error());
  auto state = cluster::LoadOrCreate(**file, AddressOf(server), RandomBytes(server));
  if (!state) return tl::unexpected(state.error());
  std::unique_ptr<ClusterGateway> gateway(
      new ClusterGateway(server, std::move(*file), std::move(*state)));
  gateway->ApplyPolicy();
  gateway->OpenWriter(loop);
  std::string error = gateway->writer_->WriteNow(cluster::FormatNodesConf(gateway->state_));
  if (!error.empty()) return runtime::Fail(error);
  ClusterGateway* const raw = gateway.get();
  MigrationHost& host = *gateway;
  gateway->migrations_ =
      std::make_unique<SlotMigrations>(loop, server, host, std::move(hooks.let_go_on));
  BusProcess::Hooks bus_hooks{
      .save =
          [raw](const cluster::ClusterState& now, std::uint64_t number) {
            raw->writer_->Write(cluster::FormatNodesConf(now), number);
          },
      .changed =
          [raw, changed = std::move(hooks.changed)] {
            raw->migrations_->OnOwners();
            changed();
          },
      .lost = [raw](const cluster::SlotBitmap& slots) { raw->migrations_->Drop(slots); }};
  gateway->bus_ = std::make_unique<BusProcess>(loop, server, gateway->state_, gateway->replication_,
                                               std::move(bus_hooks));
  if (auto started = gateway->bus_->Start(); !started) return tl::unexpected(started.error());
  server.cluster.cut_links = [bus = gateway->bus_.get()](std::string_view id, bool incoming,
                                                         bool outgoing) {
    return bus->CutLinks(id, incoming, outgoing);
  };
  server.cluster.link_bytes = [bus = gateway->bus_.get()] { return bus->Links().Bytes(); };
  return gateway;
}

void ClusterGateway::OpenWriter(runtime::EventLoop& loop) {
  writer_ = std::make_unique<NodesConfWriter>(
      [file = file_.get()](std::string_view text) { return file->Write(text); },
      [this, &loop, is_alive = is_alive_](std::uint64_t number, const std::string& problem) {
        loop.Post([this, is_alive, number, problem] {
          if (*is_alive) OnSaved(number, problem);
        });
      });
}

void ClusterGateway::SaveFor(ClientState& client) {
  awaited_saves_[client.id] = bus_->Bus().SaveSoon();
  // Asks for ShardNewsOf(), where no replica has to know anything.
  if (client.shard_news == 0) client.shard_news = kNoNews;
}

void ClusterGateway::OnSaved(std::uint64_t number, const std::string& problem) {
  for (auto row = awaited_saves_.begin(); row != awaited_saves_.end();) {
    auto& [client, save] = *row;
    const bool is_told = save != 0 && save <= number;
    if (is_told && !problem.empty()) save = 0;
    const bool is_over = (is_told && problem.empty()) || !server_.clients.contains(client);
    row = is_over ? awaited_saves_.erase(row) : std::next(row);
  }
  bus_->OnSaved(number, problem);
}

void ClusterGateway::OnLoaded(bool is_all) {
  bus_->Bus().OnLoaded(is_all);
  server_.replication.lacks_data = bus_->Bus().LacksData();
}

bool ClusterGateway::HandOver(std::int64_t for_ms) {
  const bool is_asked = bus_->Bus().HandOver(for_ms);
  bus_->EndTurnSoon();
  return is_asked;
}

bool ClusterGateway::ExpectsHeir() const { return bus_->Bus().ExpectsHeir(); }

void ClusterGateway::ApplySettings() {
  ApplyPolicy();
  const cluster::MyAddress address = AddressOf(server_);
  const std::string ip = address.ip.empty() ? state_.Myself().ip : address.ip;
  state_.SetAddress(state_.MyIndex(), ip, address.port, address.bus_port);
  state_.SetOtherPort(state_.MyIndex(), address.other_port);
  state_.SetHostname(state_.MyIndex(), address.hostname);
  bus_->ApplySettings();
}

void ClusterGateway::ApplyPolicy() {
  const config::ShardConfig& config = server_.Config();
  cluster::ClusterPolicy policy = state_.Policy();
  policy.require_full_coverage = config.cluster_require_full_coverage;
  policy.is_port_tls = config.tls_cluster;
  policy.allow_reads_when_down = config.cluster_allow_reads_when_down;
  policy.allow_pubsubshard_when_down = config.cluster_allow_pubsubshard_when_down;
  state_.SetPolicy(policy);
}

cluster::EndpointView ClusterGateway::ViewOf(const ClientState& client) const {
  const config::ShardConfig& config = server_.Config();
  const bool is_tls = client.connection != nullptr && client.connection->Tls() != nullptr;
  auto kind = cluster::EndpointKind::kIp;
  if (config.cluster_preferred_endpoint_type == config::EndpointType::kHostname) {
    kind = cluster::EndpointKind::kHostname;
  } else if (config.cluster_preferred_endpoint_type == config::EndpointType::kUnknown) {
    kind = cluster::EndpointKind::kUnknown;
  }
  return {kind, is_tls != config.tls_cluster};
}

protocol::KeyExtractionError ExtractSlotted(const protocol::CommandSpec& spec,
                                            std::span<const std::string_view> args,
                                            std::vector<protocol::KeyPosition>& out) {
  return spec.flags.Has(protocol::CommandFlag::kPubsub)
             ? protocol::ExtractShardChannels(spec, args, out)
             : protocol::ExtractKeys(spec, args, out);
}

cluster::GuardedRequest ClusterGateway::RequestOf(CommandContext& ctx,
                                                  std::span<const protocol::KeyPosition> keys) {
  using protocol::CommandFlag;
  keys_.clear();
  for (const protocol::KeyPosition& key : keys) keys_.push_back(ctx.args[key.index]);
  cluster::GuardedRequest request;
  request.keys = keys_;
  request.is_write = ctx.spec.IsWrite();
  // What a replica would refuse its master may do.
  if (server_.replication.is_replica && server_.scripts != nullptr) {
    request.is_write = request.is_write || server_.scripts->DeclaresWrites(ctx.spec, ctx.args);
  }
  request.is_shard_pubsub = ctx.spec.flags.Has(CommandFlag::kPubsub);
  request.is_migrate = &ctx.spec == protocol::FindCommand("migrate");
  request.is_asking = ctx.spec.flags.Has(CommandFlag::kAsking);
  return request;
}

std::string ClusterGateway::ErrorFor(CommandContext& ctx,
                                     std::span<const protocol::KeyPosition> keys) {
  const cluster::Judgement judgement = Judge(ctx, RequestOf(ctx, keys));
  return ErrorOf(ctx.client, judgement);
}

KeysPlace ClusterGateway::PlaceOf(CommandContext& ctx,
                                  std::span<const protocol::KeyPosition> keys) {
  switch (Judge(ctx, RequestOf(ctx, keys)).verdict) {
    case cluster::Verdict::kServe:
      return KeysPlace::kHere;
    case cluster::Verdict::kDown:
      return KeysPlace::kClusterDown;
    case cluster::Verdict::kDownOnlyReads:
      return KeysPlace::kClusterDownReadonly;
    default:
      return KeysPlace::kElsewhere;
  }
}

std::string ClusterGateway::ErrorForTransaction(CommandContext& ctx) {
  const Transaction& transaction = *ctx.client.transaction;
  std::vector<protocol::KeyPosition> positions;
  keys_.clear();
  for (std::size_t i = 0; i < transaction.Count(); ++i) {
    const std::vector<std::string_view> args = transaction.ArgsAt(i);
    const auto extracted = ExtractSlotted(transaction.SpecAt(i), args, positions);
    if (extracted != protocol::KeyExtractionError::kNone) continue;
    for (const protocol::KeyPosition& key : positions) keys_.push_back(args[key.index]);
  }
  cluster::GuardedRequest request;
  request.keys = keys_;
  request.is_write = transaction.Flags().Has(protocol::CommandFlag::kWrite);
  return ErrorOf(ctx.client, Judge(ctx, request));
}

// A replica that never had its master's data sends readers there.
bool ClusterGateway::ReadsReplica(const ClientState& client) const {
  return client.is_readonly && server_.replication.master.has_copy;
}

cluster::Judgement ClusterGateway::Judge(CommandContext& ctx, cluster::GuardedRequest request) {
  request.is_asking = request.is_asking || ctx.client.is_asking;
  request.is_readonly_client = ReadsReplica(ctx.client);
  return cluster::JudgeRequest(state_, request, [&ctx](std::string_view key) {
    return static_cast<bool>(ctx.Peek({protocol::SlotOfKey(key), key}));
  });
}

std::string ClusterGateway::ErrorOf(const ClientState& client,
                                    const cluster::Judgement& judgement) const {
  if (judgement.verdict == cluster::Verdict::kServe) return {};
  return cluster::ErrorOf(state_, judgement, ViewOf(client));
}

std::string ClusterGateway::ErrorForWaiting(const ClientState& client,
                                            const WaitingRequest& request) {
  cluster::GuardedRequest guarded;
  keys_.assign(request.keys.begin(), request.keys.end());
  guarded.keys = keys_;
  guarded.is_write = request.spec->IsWrite();
  guarded.is_readonly_client = ReadsReplica(client);
  // While a slot is on its way the key may still come to be here.
  guarded.is_asking = true;
  return ErrorOf(client,
                 cluster::JudgeRequest(state_, guarded, [](std::string_view) { return true; }));
}

ClusterGateway::News ClusterGateway::ShardNewsOf(const ClientState& client) {
  if (auto awaited = awaited_saves_.find(client.id); awaited != awaited_saves_.end()) {
    if (awaited->second != 0) return News::kOnTheirWay;
    awaited_saves_.erase(awaited);
    return News::kLost;
  }
  if (client.shard_news == kNoNews) return News::kKnown;
  const bool is_known = state_.Myself().IsMaster() && bus_->Bus().IsKnownInShard(client.shard_news);
  if (is_known) return News::kKnown;
  return bus_->NowMs() < client.shard_news_until_ms ? News::kOnTheirWay : News::kLost;
}

void ClusterGateway::AwaitShard(ClientState& client, std::uint64_t news) const {
  constexpr std::int64_t kMoreMs = 1000;  // than it takes to suspect who does not answer
  client.shard_news = news;
  client.shard_news_until_ms = bus_->NowMs() + 2 * bus_->Bus().Settings().node_timeout_ms + kMoreMs;
}

void ClusterGateway::Run(CommandContext& ctx) {
  if (SlotMigrations::Takes(ctx.spec)) return migrations_->Run(ctx);
  std::string reply;
  protocol::StringSink sink{reply};
  cluster::ReplyWriter writer(sink, ctx.client.resp_version);
  cluster::ClusterCommandContext context{
      .state = state_,
      .view = ViewOf(ctx.client),
      .my_repl_offset = replication_.Offset(),
      .count_keys = [&ctx](protocol::Slot slot) { return ctx.db.SizeOfSlot(slot); },
      .get_keys =
          [&ctx](protocol::Slot slot, std::size_t max, std::vector<std::string>& keys) {
            ctx.db.ForEachInSlot(slot, max,
                                 [&keys](const Entry& entry) { keys.emplace_back(entry.key()); });
          },
      .count_all_keys = [&ctx] { return ctx.db.Size(); },
      .save = [this, &ctx] { SaveFor(ctx.client); },
      .save_now = [this] { return writer_->WriteNow(cluster::FormatNodesConf(state_)); },
      .random_bytes = [this] { return RandomBytes(server_); },
      .bus = &bus_->Bus(),
      .queued_bytes = [this](cluster::LinkId link) { return bus_->Links().QueuedBytes(link); },
      .limit_exceeded_count = bus_->Links().LimitExceededCount(),
  };
  cluster::RunClusterCommand(context, ctx.args, writer);
  bus_->EndTurnSoon();
  if (context.shard_news != 0) AwaitShard(ctx.client, context.shard_news);
  migrations_->OnOwners();
  if (reply.starts_with('-')) {
    ctx.has_failed = true;
    server_.stats.CountError(std::string_view(reply).substr(1));
  }
  ctx.output.Append(reply);
}

// ---- Slots that change hands by a migration ----

bool ClusterGateway::TakeSlots(const cluster::SlotBitmap& slots, ClientState& client,
                               const std::function<bool()>& is_in_time) {
  const cluster::ClusterState before = state_;
  {
    cluster::ClusterState::Batch batch(state_);
    slots.ForEach([this](protocol::Slot slot) {
      state_.SetImporting(slot, cluster::kNoNode);
      state_.Assign(slot, state_.MyIndex());
    });
    state_.BumpConfigEpoch();
  }
  const std::string problem = writer_->WriteNow(cluster::FormatNodesConf(state_));
  // What nobody was told of has not happened.
  if (!problem.empty() || !is_in_time()) {
    runtime::LogWarning("slots that came are not taken over: {}",
                        problem.empty() ? "the disk was too slow" : problem);
    state_ = before;
    bus_->Bus().SaveSoon();
    bus_->EndTurnSoon();
    return false;
  }
  // It is on the disk, but the bus claims what it has brought there itself.
  bus_->Bus().SaveSoon();
  bus_->Bus().TellAll();
  AwaitShard(client, bus_->Bus().TellShard());
  bus_->EndTurnSoon();
  return true;
}

void ClusterGateway::GiveSlots(const cluster::NodeId& target, cluster::Epoch epoch,
                               const cluster::SlotBitmap& slots) {
  bus_->Bus().TakeHandover(target, epoch, slots);
  bus_->EndTurnSoon();
}

void ClusterGateway::RaiseEpoch() {
  // One that is not known here may have been taken by the other side.
  state_.SetCurrentEpoch(cluster::Epoch(cluster::ToInt(state_.MaxEpoch()) + 2));
  state_.SetConfigEpoch(state_.MyIndex(), state_.CurrentEpoch());
  bus_->Bus().SaveSoon();
  bus_->Bus().TellAll();
  bus_->EndTurnSoon();
}

cluster::TargetNews ClusterGateway::NewsOf(const cluster::NodeId& target,
                                           std::int64_t since_ms) const {
  if (!state_.IsUp()) return cluster::TargetNews::kNone;
  const cluster::NodeIndex index = state_.Find(target);
  if (index == cluster::kNoNode || state_.Node(index).IsFailed()) {
    return cluster::TargetNews::kHasFailed;
  }
  const std::int64_t since_unix_ms = bus_->UnixMs() - (bus_->NowMs() - since_ms);
  const bool is_heard = state_.Node(index).pong_received_ms > since_unix_ms;
  return is_heard ? cluster::TargetNews::kHasNotTaken : cluster::TargetNews::kNone;
}

std::int64_t ClusterGateway::LivingReplicas() const {
  std::int64_t count = 0;
  for (cluster::NodeIndex index : state_.ReplicasOf(state_.MyIndex())) {
    const cluster::ClusterNode& node = state_.Node(index);
    if (!node.IsFailed() && !node.IsSuspected()) ++count;
  }
  return count;
}

}  // namespace slotway::storage
