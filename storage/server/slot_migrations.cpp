// SPDX-License-Identifier: Apache-2.0
#include "storage/server/slot_migrations.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/command_table.h"
#include "runtime/log.h"

namespace slotway::storage {
namespace {

using cluster::MigrationState;
using protocol::CommandSpec;

const CommandSpec* Row(std::string_view name) { return protocol::FindCommandByFullName(name); }

// How much the target may lack when clients begin to be held: what is sent in a few milliseconds.
constexpr std::size_t kHandoverBytes = 128 * 1024;

}  // namespace

SlotMigrations::SlotMigrations(runtime::EventLoop& loop, ServerState& server, MigrationHost& host,
                               std::function<void()> let_go_on)
    : loop_(loop),
      server_(server),
      host_(host),
      let_go_on_(std::move(let_go_on)),
      hidden_(loop, server, host.State(),
              [this](protocol::Slot slot) { return imports_.Expects(slot); }),
      imports_(server, host, hidden_,
               [this](cluster::MigrationRecord record) { Keep(std::move(record)); }) {
  server_.cluster.on_flush = [this] {
    if (sender_) sender_->Machine().Fail("all keys are flushed");
    imports_.OnFlush();
    Look();
  };
  server_.cluster.import_failed = [this](ClientState& client, std::string_view error) {
    imports_.Fail(client, error);
  };
  server_.cluster.importer_gone = [this](const ClientState& client) { imports_.OnGone(client); };
}

SlotMigrations::~SlotMigrations() {
  *is_alive_ = false;
  sender_.reset();
  server_.cluster.on_flush = nullptr;
}

bool SlotMigrations::Takes(const CommandSpec& spec) {
  static const CommandSpec* const kThese[] = {
      Row("cluster|migrateslots"), Row("cluster|getslotmigrations"),
      Row("cluster|cancelslotmigrations"), Row("cluster|syncslots")};
  return std::find(std::begin(kThese), std::end(kThese), &spec) != std::end(kThese);
}

void SlotMigrations::Run(CommandContext& ctx) {
  static const CommandSpec* const kMigrate = Row("cluster|migrateslots");
  static const CommandSpec* const kShow = Row("cluster|getslotmigrations");
  static const CommandSpec* const kCancel = Row("cluster|cancelslotmigrations");
  if (&ctx.spec == kMigrate) return Migrate(ctx);
  if (&ctx.spec == kShow) return Show(ctx);
  if (&ctx.spec == kCancel) return Cancel(ctx);
  Synchronise(ctx);
}

// ---- What is asked ----

std::string SlotMigrations::Read(CommandContext& ctx, std::size_t& at,
                                 cluster::MigrationRecord& record) const {
  const auto& args = ctx.args;
  if (!EqualsNoCase(args[at++], "slotsrange")) return std::string(protocol::error_text::kSyntax);
  std::size_t end = at;
  while (end < args.size() && !EqualsNoCase(args[end], "node")) ++end;
  const auto ranges = cluster::ParseRanges(args.subspan(at, end - at));
  if (!ranges) return "ERR Invalid or out of range slot";
  if (end + 1 >= args.size()) return std::string(protocol::error_text::kSyntax);
  const cluster::NodeIndex target = host_.State().Find(args[end + 1]);
  if (target == cluster::kNoNode) return "ERR Unknown node " + std::string(args[end + 1]);
  at = end + 2;
  record.ranges = *ranges;
  record.target = host_.State().Node(target).id;
  record.source = host_.State().Myself().id;
  record.created_s = record.updated_s = ctx.now_ms / 1000;
  record.name = server_.random.HexId();
  return Refusal(record);
}

std::string SlotMigrations::Refusal(const cluster::MigrationRecord& record) const {
  const cluster::ClusterState& state = host_.State();
  const cluster::ClusterNode& target = state.Node(state.Find(record.target));
  if (target.IsMyself()) return "ERR Target node can not be this node itself";
  if (!target.IsMaster()) return "ERR Target node is not a master";
  const cluster::SlotBitmap slots = cluster::BitmapOf(record.ranges);
  std::string refusal;
  slots.ForEach([&](protocol::Slot slot) {
    const std::string number = std::to_string(protocol::ToInt(slot));
    if (!state.IsMine(slot)) refusal = "ERR I'm not the owner of hash slot " + number;
    if (state.MigratingTo(slot) != cluster::kNoNode) {
      refusal = "ERR Slot " + number + " is open already, by CLUSTER SETSLOT";
    }
  });
  const auto meets = [&slots](const cluster::MigrationRecord& other) {
    return cluster::BitmapOf(other.ranges).Meets(slots);
  };
  const bool is_on_the_way =
      (sender_ && !sender_->Machine().IsOver() && meets(sender_->Record())) ||
      std::any_of(queue_.begin(), queue_.end(), meets);
  return is_on_the_way ? "ERR Some of the slots are being migrated already" : refusal;
}

void SlotMigrations::Migrate(CommandContext& ctx) {
  if (!host_.State().Myself().IsMaster()) {
    return ctx.Error("ERR Slots are migrated by their master");
  }
  std::vector<cluster::MigrationRecord> records;
  cluster::SlotBitmap named;
  for (std::size_t at = 2; at < ctx.args.size();) {
    cluster::MigrationRecord record;
    if (const std::string error = Read(ctx, at, record); !error.empty()) return ctx.Error(error);
    const cluster::SlotBitmap slots = cluster::BitmapOf(record.ranges);
    if (slots.Meets(named)) return ctx.Error("ERR Slots are specified multiple times");
    slots.ForEach([&named](protocol::Slot slot) { named.Add(slot); });
    records.push_back(std::move(record));
  }
  std::move(records.begin(), records.end(), std::back_inserter(queue_));
  ctx.reply.Ok();
  StartNext();
}

void SlotMigrations::Show(CommandContext& ctx) {
  std::vector<const cluster::MigrationRecord*> records;
  for (const cluster::MigrationRecord& record : queue_) records.push_back(&record);
  if (sender_) records.push_back(&sender_->Record());
  imports_.List(records);
  for (const cluster::MigrationRecord& record : log_.Records()) records.push_back(&record);
  std::string reply;
  protocol::StringSink sink{reply};
  cluster::ReplyWriter writer(sink, ctx.client.resp_version);
  cluster::WriteMigrations(records, writer);
  ctx.output.Append(reply);
}

// What has been handed over goes on: it is over in a moment.
void SlotMigrations::Cancel(CommandContext& ctx) {
  const bool is_all = ctx.args.size() == 3 && EqualsNoCase(ctx.args[2], "all");
  if (ctx.args.size() != 2 && !is_all) return ctx.Error(protocol::error_text::kSyntax);
  if (queue_.empty() && !sender_) return ctx.Error("ERR No migrations ongoing");
  for (cluster::MigrationRecord& record : queue_) {
    record.state = MigrationState::kCancelled;
    Keep(std::move(record));
  }
  queue_.clear();
  const bool is_too_late = sender_ && !sender_->Machine().IsOver() && !sender_->Machine().Cancel();
  Look();
  if (is_too_late) return ctx.Error("TRYAGAIN The slots are being handed over at this moment");
  ctx.reply.Ok();
}

// What the two sides of a migration say to each other, and what the stream of changes says of it.
void SlotMigrations::Synchronise(CommandContext& ctx) {
  struct Word {
    std::string_view name;
    void (SlotImports::*run)(CommandContext&);
  };
  static constexpr Word kWords[] = {{"establish", &SlotImports::Establish},
                                    {"ack", &SlotImports::Acknowledge},
                                    {"pause", &SlotImports::Pause},
                                    {"finish", &SlotImports::Finish}};
  for (const Word& word : kWords) {
    if (EqualsNoCase(ctx.args[2], word.name)) return (imports_.*word.run)(ctx);
  }
  if (EqualsNoCase(ctx.args[2], "hide")) return ApplyHidden(ctx, true);
  if (EqualsNoCase(ctx.args[2], "show")) return ApplyHidden(ctx, false);
  ctx.Error(protocol::error_text::kSyntax);
}

void SlotMigrations::ApplyHidden(CommandContext& ctx, bool are_hidden) {
  const bool is_repeated = ctx.client.is_master || server_.persistence.loading.is_loading;
  if (!is_repeated) return ctx.Error("ERR this is for the stream of changes");
  const auto ranges = cluster::ParseRanges(ctx.args.subspan(3));
  if (!ranges) return ctx.Error(protocol::error_text::kSyntax);
  hidden_.Apply(cluster::BitmapOf(*ranges), are_hidden);
  // A replica's own file.
  if (server_.propagation.IsOn()) server_.propagation.Add(0, ctx.args, Audience::kAll);
  ctx.reply.Ok();
}

// ---- What goes from here ----

cluster::ExportSettings SlotMigrations::Settings() const {
  const config::ShardConfig& config = server_.Config();
  cluster::ExportSettings settings;
  settings.timeout_ms = config.repl_timeout_s * 1000;
  settings.pause_ms = config.cluster_manual_failover_timeout_ms;
  settings.node_timeout_ms = config.cluster_node_timeout_ms;
  settings.handover_bytes = kHandoverBytes;
  const std::uint64_t limit = config.client_output_buffer_limit[config::kClientReplica].hard_bytes;
  if (limit != 0) settings.pending_bytes_max = static_cast<std::size_t>(limit);
  return settings;
}

SlotSender::Hooks SlotMigrations::HooksFor(const cluster::MigrationRecord& record) {
  return {.hold_clients = [this](bool are_held) { Hold(are_held); },
          .give_slots = [this, target = record.target, slots = cluster::BitmapOf(record.ranges)](
                            cluster::Epoch epoch) { host_.GiveSlots(target, epoch, slots); },
          .raise_epoch = [this] { host_.RaiseEpoch(); },
          .news_of_target = [this, target = record.target](
                                std::int64_t since_ms) { return host_.NewsOf(target, since_ms); },
          .changed = [this] { Look(); },
          .now_ms = [this] { return host_.NowMs(); }};
}

void SlotMigrations::StartNext() {
  while (!sender_ && !queue_.empty()) {
    cluster::MigrationRecord record = std::move(queue_.front());
    queue_.pop_front();
    const cluster::NodeIndex index = host_.State().Find(record.target);
    const bool is_possible = index != cluster::kNoNode && host_.State().Myself().IsMaster();
    const std::string refusal = is_possible ? Refusal(record) : "ERR the target is gone";
    if (!refusal.empty()) {
      record.state = MigrationState::kFailed;
      record.message = refusal;
      Keep(std::move(record));
      continue;
    }
    const cluster::ClusterNode& target = host_.State().Node(index);
    runtime::LogInfo("slots {} go to node {}", cluster::FormatRanges(record.ranges),
                     target.id.Text());
    SlotSender::Hooks hooks = HooksFor(record);
    sender_ = std::make_unique<SlotSender>(loop_, server_, std::move(record),
                                           SlotSender::Target{target.ip, target.port}, Settings(),
                                           std::move(hooks));
    sender_->Start();
  }
}

// Not from within what has ended.
void SlotMigrations::Look() {
  if (!sender_ || !sender_->Machine().IsOver() || std::exchange(is_looking_, true)) return;
  loop_.Defer([this, is_alive = is_alive_] {
    if (!*is_alive) return;
    is_looking_ = false;
    cluster::MigrationRecord record = sender_->Record();
    sender_.reset();
    runtime::LogInfo("slots {} to node {}: {} {}", cluster::FormatRanges(record.ranges),
                     record.target.Text(), cluster::TextOf(record.state), record.message);
    record.updated_s = server_.now_ms / 1000;
    Keep(std::move(record));
    StartNext();
  });
}

void SlotMigrations::Hold(bool are_held) {
  server_.holds_slots = are_held;
  if (are_held) {
    server_.cluster.holds_slot = [this](protocol::Slot slot) {
      return sender_ && sender_->Slots().Has(slot);
    };
    return;
  }
  // At the end of this turn: by then it is known where they belong.
  loop_.Defer([this, is_alive = is_alive_] {
    if (*is_alive && !server_.holds_slots) let_go_on_();
  });
}

void SlotMigrations::OnOwners() {
  imports_.OnOwners();
  hidden_.OnOwners();
  if (sender_ && !sender_->Machine().IsOver()) {
    const cluster::ClusterState& state = host_.State();
    const cluster::NodeIndex target = state.Find(sender_->Record().target);
    bool are_mine = state.Myself().IsMaster();
    bool are_targets = target != cluster::kNoNode;
    sender_->Slots().ForEach([&](protocol::Slot slot) {
      const bool is_open = state.MigratingTo(slot) != cluster::kNoNode;
      are_mine = are_mine && state.IsMine(slot) && !is_open;
      are_targets = are_targets && state.OwnerOf(slot) == target;
    });
    sender_->Machine().OnOwners(are_mine, are_targets, host_.NowMs());
    Look();
  }
}

void SlotMigrations::Tick() {
  if (sender_) sender_->Tick();
  Look();
  StartNext();
  imports_.Look();
  hidden_.Step();
}

void SlotMigrations::Drop(const cluster::SlotBitmap& slots) {
  hidden_.Hide(slots);
  hidden_.Doom(slots);
  hidden_.Step();
}

void SlotMigrations::Keep(cluster::MigrationRecord record) {
  log_.Add(std::move(record),
           static_cast<std::size_t>(server_.Config().cluster_slot_migration_log_max_len));
}

}  // namespace slotway::storage
