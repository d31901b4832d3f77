// SPDX-License-Identifier: Apache-2.0
#include "storage/server/slot_imports.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "protocol/error_text.h"
#include "protocol/resp_writer.h"
#include "runtime/log.h"
#include "storage/commands/number_text.h"
#include "storage/commands/replication_host.h"

namespace slotway::storage {
namespace {

using cluster::MigrationState;

protocol::RespWriter<runtime::ByteQueue> WriterTo(ClientState& client) {
  client.connection->MarkForFlush();
  return protocol::RespWriter<runtime::ByteQueue>(client.connection->Output(),
                                                  protocol::RespVersion::kResp2);
}

}  // namespace

std::string SlotImports::Refusal(const cluster::MigrationRecord& record,
                                 const cluster::SlotBitmap& slots) {
  const cluster::ClusterState& state = host_.State();
  if (!state.Myself().IsMaster()) return "ERR the target is no master";
  if (record.target != state.Myself().id) return "ERR this node has another id";
  const cluster::NodeIndex source = state.Find(record.source);
  if (source == cluster::kNoNode) return "ERR the target does not know the source";
  std::string refusal;
  slots.ForEach([&](protocol::Slot slot) {
    if (!refusal.empty()) return;
    const std::string name = "slot " + std::to_string(protocol::ToInt(slot));
    if (state.OwnerOf(slot) != source) {
      refusal = "TRYAGAIN the target holds another node for the owner of " + name;
    } else if (state.ImportingFrom(slot) != cluster::kNoNode) {
      refusal = "ERR the target has " + name + " open, by CLUSTER SETSLOT";
    } else if (hidden_.IsHidden(slot)) {
      refusal = "TRYAGAIN the target still deletes what it had of " + name;
    } else if (server_.Database(0).SizeOfSlot(slot) != 0) {
      refusal = "ERR the target has keys of " + name + " already";
    }
  });
  return refusal;
}

// CLUSTER SYNCSLOTS ESTABLISH name source target first last [first last ...]
void SlotImports::Establish(CommandContext& ctx) {
  constexpr std::size_t kFirstBound = 6;
  if (ctx.args.size() < kFirstBound + 2 || ctx.client.connection == nullptr) {
    return ctx.Error(protocol::error_text::kSyntax);
  }
  cluster::MigrationRecord record;
  const auto ranges = cluster::ParseRanges(ctx.args.subspan(kFirstBound));
  const auto source = cluster::NodeId::Parse(ctx.args[4]);
  const auto target = cluster::NodeId::Parse(ctx.args[5]);
  if (!ranges || !source || !target) return ctx.Error(protocol::error_text::kSyntax);
  record.name = ctx.args[3];
  record.is_export = false;
  record.ranges = *ranges;
  record.source = *source;
  record.target = *target;
  record.created_s = record.updated_s = ctx.now_ms / 1000;
  record.state = MigrationState::kSnapshotting;
  const cluster::SlotBitmap slots = cluster::BitmapOf(*ranges);
  if (imports_.contains(ctx.client.id)) return ctx.Error("ERR it has begun already");
  const std::string refusal = Refusal(record, slots);
  if (!refusal.empty()) return ctx.Error(refusal);
  hidden_.Hide(slots);
  ctx.client.Set(ClientWay::kImporting);
  ctx.client.is_no_evict = true;
  ctx.client.is_restricted = false;
  runtime::LogInfo("slots {} come from node {}", cluster::FormatRanges(record.ranges),
                   record.source.Text());
  imports_.emplace(ctx.client.id,
                   Import{.client = &ctx.client, .record = std::move(record), .slots = slots});
  ctx.reply.Ok();
}

SlotImports::Import* SlotImports::Find(CommandContext& ctx) {
  const auto found = imports_.find(ctx.client.id);
  if (found == imports_.end()) {
    ctx.Error("ERR no slots come here by this connection");
    return nullptr;
  }
  found->second.record.acknowledged_s = found->second.record.updated_s = ctx.now_ms / 1000;
  return &found->second;
}

void SlotImports::Acknowledge(CommandContext& ctx) {
  if (Find(ctx) != nullptr) ctx.reply.SimpleString("ACK");
}

void SlotImports::Pause(CommandContext& ctx) {
  Import* import = Find(ctx);
  if (import == nullptr) return;
  const auto pause_ms = ctx.args.size() == 4 ? ParseInteger(ctx.args[3]) : std::nullopt;
  if (!pause_ms || *pause_ms <= 0) return ctx.Error(protocol::error_text::kSyntax);
  import->record.state = MigrationState::kPausing;
  import->machine.AskToPause(*pause_ms);
  import->offset = server_.replication.history.offset;
  server_.replication_host->AskReplicas();
  Look(*import);
}

void SlotImports::Finish(CommandContext& ctx) {
  Import* import = Find(ctx);
  if (import == nullptr) return;
  if (!import->machine.Finish()) return ctx.Error("ERR the source has not been told to pause");
  import->record.state = MigrationState::kHandover;
  import->offset = server_.replication.history.offset;
  server_.replication_host->AskReplicas();
  Look(*import);
}

bool SlotImports::HaveReplicasAll(const Import& import) const {
  const auto online = static_cast<std::int64_t>(server_.replication.acknowledged.size());
  const std::int64_t wanted = std::min(online, host_.LivingReplicas());
  return server_.replication_host->CountAcknowledged(import.offset) >= wanted;
}

void SlotImports::Look() {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, import] : imports_) ids.push_back(id);
  for (std::uint64_t id : ids) {
    if (const auto found = imports_.find(id); found != imports_.end()) Look(found->second);
  }
}

void SlotImports::Look(Import& import) {
  switch (import.machine.Look(host_.NowMs(), HaveReplicasAll(import))) {
    case cluster::SlotImport::Step::kWait:
      return;
    case cluster::SlotImport::Step::kAnswerPause:
      return WriterTo(*import.client).SimpleString("PAUSE");
    case cluster::SlotImport::Step::kTakeOver:
      return TakeOver(import);
    case cluster::SlotImport::Step::kTooLate:
      return End(import.client->id, MigrationState::kFailed,
                 "ERR replicas of the target were too slow");
  }
}

void SlotImports::TakeOver(Import& import) {
  ClientState& client = *import.client;
  // Who is cut off may not know that the source has been replaced.
  if (!host_.State().IsUp()) {
    return End(client.id, MigrationState::kFailed, "ERR the target does not reach the cluster");
  }
  const auto is_in_time = [this, &import] { return import.machine.IsInTime(host_.NowMs()); };
  if (!host_.TakeSlots(import.slots, client, is_in_time)) {
    return End(client.id, MigrationState::kFailed,
               "ERR the target could not save that it has the slots in time");
  }
  hidden_.Show(import.slots);
  WriterTo(client).SimpleString(
      "DONE " + std::to_string(cluster::ToInt(host_.State().Myself().config_epoch)));
  End(client.id, MigrationState::kSuccess, "");
}

void SlotImports::End(std::uint64_t client_id, MigrationState state, std::string_view message) {
  const auto found = imports_.find(client_id);
  if (found == imports_.end()) return;
  Import import = std::move(found->second);
  imports_.erase(found);
  import.client->Clear(ClientWay::kImporting);
  import.record.state = state;
  import.record.message = message;
  import.record.updated_s = server_.now_ms / 1000;
  runtime::LogInfo("slots {} from node {}: {} {}", cluster::FormatRanges(import.record.ranges),
                   import.record.source.Text(), cluster::TextOf(state), message);
  if (state == MigrationState::kFailed) {
    // What else it has sent is for nobody.
    import.client->closes_after_reply = true;
    if (!import.client->is_cut) {
      WriterTo(*import.client).Error(message);
      import.client->connection->CloseAfterFlush();
    }
    hidden_.Doom(import.slots);
  }
  ended_(std::move(import.record));
}

void SlotImports::Fail(ClientState& client, std::string_view error) {
  End(client.id, MigrationState::kFailed, error);
}

void SlotImports::OnGone(const ClientState& client) {
  const auto found = imports_.find(client.id);
  if (found == imports_.end()) return;
  found->second.client->is_cut = true;
  End(client.id, MigrationState::kFailed, "the connection to the source was lost");
}

void SlotImports::FailAll(std::string_view error,
                          const std::function<bool(const Import&)>& is_meant) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, import] : imports_) {
    if (is_meant(import)) ids.push_back(id);
  }
  for (std::uint64_t id : ids) End(id, MigrationState::kFailed, error);
}

void SlotImports::OnOwners() {
  const cluster::ClusterState& state = host_.State();
  FailAll("ERR slots of it have changed hands", [&state](const Import& import) {
    const cluster::NodeIndex source = state.Find(import.record.source);
    bool is_same = source != cluster::kNoNode && state.Myself().IsMaster();
    import.slots.ForEach(
        [&](protocol::Slot slot) { is_same = is_same && state.OwnerOf(slot) == source;
  });
  return !is_same;
});
}

void SlotImports::OnFlush() {
  FailAll("ERR all keys of the target are flushed", [](const Import&) { return true; });
}

bool SlotImports::Expects(protocol::Slot slot) const {
  return std::any_of(imports_.begin(), imports_.end(),
                     [slot](const auto& named) { return named.second.slots.Has(slot); });
}

void SlotImports::List(std::vector<const cluster::MigrationRecord*>& records) const {
  for (const auto& [id, import] : imports_) records.push_back(&import.record);
}

}  // namespace slotway::storage
