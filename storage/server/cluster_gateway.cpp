// SPDX-License-Identifier: Apache-2.0
#include "storage/server/cluster_gateway.h"

#include <array>
#include <utility>

#include "runtime/log.h"
#include "storage/cluster/cluster_command.h"

namespace slotway::storage {
namespace {

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
  address.port = or_else(config.cluster_announce_port, server.listening_port);
  std::int64_t bus_port =
      config.cluster_port != 0 ? config.cluster_port : server.listening_port + 10000;
  address.bus_port = or_else(config.cluster_announce_bus_port, bus_port);
  address.hostname = config.cluster_announce_hostname;
  return address;
}

}  // namespace

runtime::Result<std::unique_ptr<ClusterGateway>> ClusterGateway::Open(ServerState& server) {
  const config::ShardConfig& config = server.Config();
  std::filesystem::path path = config.cluster_config_file;
  if (path.is_relative()) path = std::filesystem::path(config.dir) / path;
  auto file = cluster::NodesConfFile::Open(path);
  if (!file) return tl::unexpected(file.error());
  auto state = cluster::LoadOrCreate(**file, AddressOf(server), RandomBytes(server));
  if (!state) return tl::unexpected(state.error());
  std::unique_ptr<ClusterGateway> gateway(
      new ClusterGateway(server, std::move(*file), std::move(*state)));
  gateway->ApplySettings();
  if (std::string error = gateway->Save(); !error.empty()) return runtime::Fail(error);
  return gateway;
}

std::string ClusterGateway::Save() {
  auto written = file_->Write(cluster::FormatNodesConf(state_));
  return written ? std::string() : written.error().text;
}

void ClusterGateway::ApplySettings() {
  const config::ShardConfig& config = server_.Config();
  cluster::ClusterPolicy policy = state_.Policy();
  policy.require_full_coverage = config.cluster_require_full_coverage;
  policy.allow_reads_when_down = config.cluster_allow_reads_when_down;
  policy.allow_pubsubshard_when_down = config.cluster_allow_pubsubshard_when_down;
  state_.SetPolicy(policy);
}

cluster::EndpointKind ClusterGateway::EndpointKind() const {
  switch (server_.Config().cluster_preferred_endpoint_type) {
    case config::EndpointType::kHostname:
      return cluster::EndpointKind::kHostname;
    case config::EndpointType::kUnknown:
      return cluster::EndpointKind::kUnknown;
    case config::EndpointType::kIp:
      break;
  }
  return cluster::EndpointKind::kIp;
}

std::string ClusterGateway::ErrorFor(CommandContext& ctx,
                                     std::span<const protocol::KeyPosition> keys) {
  using protocol::CommandFlag;
  keys_.clear();
  for (const protocol::KeyPosition& key : keys) keys_.push_back(ctx.args[key.index]);
  cluster::GuardedRequest request;
  request.keys = keys_;
  request.is_write = ctx.spec.IsWrite();
  request.is_shard_pubsub = ctx.spec.flags.Has(CommandFlag::kPubsub);
  request.is_migrate = &ctx.spec == protocol::FindCommand("migrate");
  request.is_asking = ctx.client.is_asking || ctx.spec.flags.Has(CommandFlag::kAsking);
  request.is_readonly_client = ctx.client.is_readonly;
  auto judgement = cluster::JudgeRequest(state_, request, [&ctx](std::string_view key) {
    return static_cast<bool>(ctx.Peek({protocol::SlotOfKey(key), key}));
  });
  if (judgement.verdict == cluster::Verdict::kServe) return {};
  return cluster::ErrorOf(state_, judgement, EndpointKind());
}

std::string ClusterGateway::ErrorForWaiting(const ClientState& client,
                                            const WaitingRequest& request) {
  cluster::GuardedRequest guarded;
  keys_.assign(request.keys.begin(), request.keys.end());
  guarded.keys = keys_;
  guarded.is_write = request.spec->IsWrite();
  guarded.is_readonly_client = client.is_readonly;
  // While a slot is on its way the key may still come to be here.
  guarded.is_asking = true;
  auto judgement = cluster::JudgeRequest(state_, guarded, [](std::string_view) { return true; });
  if (judgement.verdict == cluster::Verdict::kServe) return {};
  return cluster::ErrorOf(state_, judgement, EndpointKind());
}

void ClusterGateway::Run(CommandContext& ctx) {
  std::string reply;
  protocol::StringSink sink{reply};
  cluster::ReplyWriter writer(sink, ctx.client.resp_version);
  cluster::ClusterCommandContext context{
      .state = state_,
      .endpoint_kind = EndpointKind(),
      .my_repl_offset = server_.replication.offset,
      .count_keys = [&ctx](protocol::Slot slot) { return ctx.db.SizeOfSlot(slot); },
      .get_keys =
          [&ctx](protocol::Slot slot, std::size_t max, std::vector<std::string>& keys) {
            ctx.db.ForEachInSlot(slot, max,
                                 [&keys](const Entry& entry) { keys.emplace_back(entry.key()); });
          },
      .count_all_keys = [&ctx] { return ctx.db.Size(); },
      .save = [this] { return Save(); },
      .random_bytes = [this] { return RandomBytes(server_); },
  };
  cluster::RunClusterCommand(context, ctx.args, writer);
  if (reply.starts_with('-')) {
    ctx.has_failed = true;
    server_.stats.CountError(std::string_view(reply).substr(1));
  }
  ctx.output.Append(reply);
}

}  // namespace slotway::storage
