// SPDX-License-Identifier: Apache-2.0
#include "storage/server/executor.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "protocol/acl_text.h"
#include "protocol/cross_protocol.h"
#include "protocol/slot.h"
#include "runtime/log.h"
#include "storage/commands/acl_access.h"
#include "storage/commands/client_push.h"
#include "storage/commands/command_call.h"
#include "storage/commands/command_context.h"
#include "storage/commands/script_host.h"
#include "storage/commands/transaction.h"
#include "storage/server/cluster_gateway.h"

namespace slotway::storage {

using protocol::CommandFlag;
using protocol::CommandSpec;

Executor::Executor(ServerState& server, const HandlerTable& handlers, ClusterGateway* cluster)
    : server_(server),
      handlers_(handlers),
      cluster_(cluster),
      traits_(protocol::CommandCount()),
      waiting_(server, handlers),
      evictor_(server) {
  for (std::size_t id = 0; id < traits_.size(); ++id) {
    auto command_id = static_cast<protocol::CommandId>(id);
    const CommandSpec& spec = protocol::CommandById(command_id);
    CommandTraits& traits = traits_[id];
    traits.handler = handlers_.Of(command_id);
    traits.first_key = static_cast<std::uint8_t>(spec.first_key);
    if (!spec.key_specs.empty() || spec.first_key != 0) {
      bool is_one = spec.first_key > 0 && spec.last_key == spec.first_key &&
                    spec.key_specs.size() <= 1 && !spec.flags.Has(CommandFlag::kMovablekeys);
      traits.key_shape = is_one ? KeyShape::kOne : KeyShape::kSeveral;
    }
    traits.has_movable_keys = spec.flags.Has(CommandFlag::kMovablekeys);
    traits.needs_authentication = !spec.flags.Has(CommandFlag::kNoAuth);
    traits.is_denied_when_full = spec.flags.Has(CommandFlag::kDenyoom);
    traits.is_timed_alone = !spec.flags.Has(CommandFlag::kFast);
    traits.is_allowed_when_busy = spec.flags.Has(CommandFlag::kAllowBusy);
    traits.is_allowed_when_stale = spec.flags.Has(CommandFlag::kStale);
    traits.is_allowed_when_loading = spec.flags.Has(CommandFlag::kLoading);
    traits.is_barred_beside_loading = spec.flags.Has(CommandFlag::kNoAsyncLoading);
    traits.is_barred_in_transactions = spec.flags.Has(CommandFlag::kNoMulti);
    traits.touches_data = spec.IsWrite() || spec.IsReadonly();
    traits.writes = spec.IsWrite();
  }
  auto traits_of = [this](std::string_view name) -> CommandTraits& {
    return traits_[protocol::IdOf(*protocol::FindCommandByFullName(name))];
  };
  traits_of("exec").is_exec = true;
  traits_of("ping").is_ping = true;
  traits_of("cluster|syncslots").is_migration = true;
  for (std::string_view name : {"exec", "discard", "quit", "reset"}) {
    traits_of(name).is_never_queued = true;
    traits_of(name).needs_no_memory = true;
  }
  for (std::string_view name : {"eval", "eval_ro", "evalsha", "evalsha_ro", "fcall", "fcall_ro"}) {
    traits_of(name).runs_script = true;
  }
  for (std::string_view name : {"ping", "subscribe", "ssubscribe", "psubscribe", "unsubscribe",
                                "sunsubscribe", "punsubscribe", "quit", "reset"}) {
    traits_of(name).is_for_listeners = true;
  }
  for (const CommandSpec& spec : protocol::FindCommandByFullName("client")->subcommands) {
    traits_[protocol::IdOf(spec)].is_client_command = true;
  }
  // These say themselves that they are of no use there, which ends nothing.
  for (std::string_view name : {"multi", "watch"}) {
    traits_of(name).is_never_queued = true;
    traits_of(name).is_barred_in_transactions = false;
  }
}

Request Executor::Prepare(std::span<const std::string_view> args) const {
  Request request{args, protocol::FindCommand(args)};
  if (request.spec == nullptr) return request;
  std::size_t first_key = traits_[protocol::IdOf(*request.spec)].first_key;
  if (first_key != 0 && first_key < args.size()) {
    request.key_index = first_key;
    request.slot = protocol::SlotOfKey(args[first_key]);
  }
  return request;
}

void Executor::Execute(ClientState& client, const Request& request, runtime::ByteQueue& output) {
  ++client.requests;
  bool was_asking = client.is_asking;
  const bool is_usual = client.reply_mode == ReplyMode::kOn && client.ways == 0;
  if (client.Is(ClientWay::kImporting)) [[unlikely]] {
    RunImported(client, request, output);
  } else if (client.Is(ClientWay::kReplica)) [[unlikely]] {
    RunOfReplica(client, request);
  } else if (server_.HoldsReplies(client)) [[unlikely]] {
    RunAndHold(client, request, output);
  } else if (is_usual) [[likely]] {
    Run(client, request, output);
  } else {
    const HeldPushes held(server_, client);
    if (client.reply_mode == ReplyMode::kOn) {
      Run(client, request, output);
    } else {
      Silence(client, request);
    }
    ForgetCaching(client, request);
  }
  // It counted for this command only, or for the transaction that it began.
  if (was_asking && !client.Is(ClientWay::kQueueing)) client.is_asking = false;
  if (server_.waiters.HasReady()) [[unlikely]] {
    // In the middle of somebody's script it is too early.
    if (server_.busy_error.empty()) waiting_.ServeReady();
  }
}

void Executor::RunAndHold(ClientState& client, const Request& request, runtime::ByteQueue& output) {
  const HeldPushes held(server_, client);
  if (client.reply_mode != ReplyMode::kOn) {
    Silence(client, request);
  } else {
    const bool was_queueing = client.Is(ClientWay::kQueueing);
    const std::uint64_t ran_before = server_.stats.commands_processed;
    const runtime::ByteQueue::Position begin = output.End();
    Run(client, request, output);
    const bool has_run = server_.stats.commands_processed != ran_before && !client.is_waiting;
    if (has_run && TellsOfData(*request.spec, was_queueing))
      server_.held_replies.Note(client, begin);
  }
  ForgetCaching(client, request);
}

// What another master streams here is not answered but where it asks for an answer, and an error
// ends it. Times to live are that master's business: nothing is due meanwhile.
void Executor::RunImported(ClientState& client, const Request& request, runtime::ByteQueue& output) {
  if (request.spec != nullptr && traits_[protocol::IdOf(*request.spec)].is_migration) {
    return Run(client, request, output);
  }
  server_.SetAppliesStream(true);
  Run(client, request, discarded_);
  server_.SetAppliesStream(false);
  std::string answer;
  constexpr std::size_t kTextMax = 200;
  discarded_.CopyTo(discarded_.Begin(), std::min(discarded_.Size(), kTextMax), answer);
  discarded_.Clear();
  if (!answer.starts_with('-')) return;
  const std::string text = answer.substr(1, answer.find('\r') - 1);
  server_.cluster.import_failed(client, text);
}

// What is sent to a replica is the stream: an answer would be a part of it.
void Executor::RunOfReplica(ClientState& client, const Request& request) {
  Run(client, request, discarded_);
  if (discarded_.Empty()) return;
  constexpr std::size_t kTextMax = 200;
  std::string answer;
  discarded_.CopyTo(discarded_.Begin(), std::min(discarded_.Size(), kTextMax), answer);
  discarded_.Clear();
  if (std::exchange(client.is_cut, true)) return;
  runtime::LogWarning("replica {} is cut off: '{}' asks for an answer within the stream: {}",
                      client.address, request.spec != nullptr ? request.spec->name : request.args[0],
                      answer.substr(0, answer.find('\r')));
  server_.close_client(client.id);
}

bool Executor::TellsOfData(const CommandSpec& spec, bool is_queueing) const {
  const CommandTraits& traits = traits_[protocol::IdOf(spec)];
  if (is_queueing) return traits.is_exec;
  return traits.touches_data || traits.runs_script;
}

// CLIENT CACHING is for the next command, or transaction.
void Executor::ForgetCaching(ClientState& client, const Request& request) {
  if (!client.tracking || client.transaction || request.spec == nullptr) return;
  if (traits_[protocol::IdOf(*request.spec)].is_client_command) return;
  client.tracking->caching = protocol::TrackingCaching::kUnsaid;
}

// CLIENT REPLY OFF and SKIP: the command runs, nobody hears. CLIENT REPLY ON speaks again by
// itself.
void Executor::Silence(ClientState& client, const Request& request) {
  Run(client, request, discarded_);
  discarded_.Clear();
  if (client.is_waiting) return;  // SKIP concerns the answer that is still to come
  if (client.reply_mode == ReplyMode::kSkipThis) {
    client.reply_mode = ReplyMode::kOn;
  } else if (client.reply_mode == ReplyMode::kSkipNext) {
    client.reply_mode = ReplyMode::kSkipThis;
  }
}

void Executor::Run(ClientState& client, const Request& request, runtime::ByteQueue& output) {
  static constexpr CommandSpec kUnknown{.name = "", .arity = -1, .flags = {}, .categories = {}};
  const CommandSpec& spec = request.spec != nullptr ? *request.spec : kUnknown;
  CommandContext ctx(server_, client, spec, request.args, output);
  if (request.spec == nullptr || !spec.subcommands.empty()) [[unlikely]] {
    if (RefuseUnknown(ctx, request)) return;
  }
  auto id = protocol::IdOf(spec);
  const CommandTraits& traits = traits_[id];
  if (!spec.ArityFits(request.args.size())) [[unlikely]] {
    return Reject(ctx, protocol::error_text::WrongArity(spec.name));
  }
  if (client.is_restricted && RefusedByUser(ctx, traits)) [[unlikely]]
    return;
  const bool is_queueing = client.Is(ClientWay::kQueueing);
  if (is_queueing) [[unlikely]] {
    if (traits.is_barred_in_transactions) {
      return Reject(ctx, "ERR Command not allowed inside a transaction");
    }
    const bool is_checked = traits.is_exec && !client.Is(ClientWay::kImporting);
    if (is_checked && TransactionRedirectedElsewhere(ctx)) return;
  }
  const bool is_stream = client.is_master || client.Is(ClientWay::kImporting);
  if (cluster_ != nullptr && traits.key_shape != KeyShape::kNone && !is_stream) {
    bool is_here = traits.key_shape == KeyShape::kOne && cluster_->ServesDirectly(request.slot);
    if (!is_here && RedirectedElsewhere(ctx, request, traits.key_shape)) return;
  }
  if (server_.HasUnusualState() && !client.is_master) [[unlikely]] {
    if (RefusedByState(ctx, traits)) return;
  }
  if (server_.Config().maxmemory_bytes != 0 && !client.is_master && LacksMemory(client, request))
      [[unlikely]] {
    return Reject(ctx, protocol::error_text::kOom);
  }
  if (server_.LacksReplicas(client)) [[unlikely]] {
    if (Writes(client, traits)) return Reject(ctx, kNoReplicas);
  }
  if (client.Is(ClientWay::kSubscribed) && !traits.is_for_listeners &&
      client.resp_version == protocol::RespVersion::kResp2) [[unlikely]] {
    return Reject(ctx, protocol::error_text::NotWhileSubscribed(spec.name));
  }
  if (!server_.busy_error.empty() && !traits.is_allowed_when_busy) [[unlikely]] {
    return Reject(ctx, server_.busy_error);
  }
  const bool only_hears = client.Is(ClientWay::kMonitoring) || client.Is(ClientWay::kReplica);
  if (only_hears && traits.touches_data) [[unlikely]] {
    return Reject(ctx, "ERR Replica can't interact with the keyspace");
  }
  if (is_queueing && !traits.is_never_queued) [[unlikely]]
    return Queue(ctx);
  if (request.key_index != 0) {
    ctx.KnowSlot(request.key_index, request.slot, cluster_ != nullptr && !traits.has_movable_keys);
  }
  client.last_command = &spec;
  CallCommand(ctx, traits.handler, traits.is_timed_alone, server_.stats.commands[id]);
}

bool Executor::RefusedByUser(CommandContext& ctx, const CommandTraits& traits) {
  ClientState& client = ctx.client;
  if (traits.needs_authentication && MustLogIn(server_, client)) {
    Reject(ctx, protocol::error_text::kNoAuth);
    return true;
  }
  const bool is_in_transaction = client.Is(ClientWay::kQueueing);
  if (is_in_transaction && traits.is_barred_in_transactions) return false;  // says so itself
  const protocol::AclVerdict verdict = CheckAccess(client, ctx.spec, ctx.args, keys_);
  if (verdict.IsAllowed()) return false;
  client.last_command = &ctx.spec;
  const auto context =
      is_in_transaction ? protocol::AclLogContext::kMulti : protocol::AclLogContext::kToplevel;
  NoteDenial(server_, client, verdict, context, ctx.spec, ctx.args);
  Reject(ctx, protocol::AclRefusal(verdict, ctx.spec));
  return true;
}

bool Executor::RefusedByState(CommandContext& ctx, const CommandTraits& traits) {
  const PersistenceFacts& persistence = server_.persistence;
  if (persistence.loading.is_loading &&
      !Allows(ctx.client, traits, traits.is_allowed_when_loading, CommandFlag::kLoading)) {
    Reject(ctx, protocol::error_text::kLoading);
    return true;
  }
  if (persistence.loading.is_async && IsBarredBesideLoading(ctx.client, traits)) {
    Reject(ctx, protocol::error_text::kLoading);
    return true;
  }
  if (server_.replication.lacks_data &&
      !Allows(ctx.client, traits, traits.is_allowed_when_loading, CommandFlag::kLoading)) {
    Reject(ctx, kLacksData);
    return true;
  }
  if (server_.replication.is_replica && IsRefusedToReplicas(ctx, traits)) return true;
  const bool minds_disk = traits.is_ping || Writes(ctx.client, traits);
  if (persistence.write_refusal.empty() || !minds_disk) return false;
  Reject(ctx, persistence.write_refusal);
  return true;
}

bool Executor::Allows(const ClientState& client, const CommandTraits& traits, bool allows_itself,
                      CommandFlag flag) {
  const bool is_exec = traits.is_exec && client.transaction;
  return allows_itself && (!is_exec || client.transaction->AllHave(flag));
}

// Settings, saves and roles stand still, whatever the data that is served.
bool Executor::IsBarredBesideLoading(const ClientState& client, const CommandTraits& traits) {
  if (!traits.is_exec || !client.transaction) return traits.is_barred_beside_loading;
  return client.transaction->Flags().Has(CommandFlag::kNoAsyncLoading);
}

bool Executor::IsRefusedToReplicas(CommandContext& ctx, const CommandTraits& traits) {
  if (server_.IsReadonly() && Writes(ctx.client, traits)) {
    Reject(ctx, kReadonly);
    return true;
  }
  const bool is_stale = !server_.replication.master.IsUp();
  if (!is_stale || server_.Config().replica_serve_stale_data ||
      Allows(ctx.client, traits, traits.is_allowed_when_stale, CommandFlag::kStale)) {
    return false;
  }
  Reject(ctx, kMasterDown);
  return true;
}

void Executor::Reject(CommandContext& ctx, std::string_view error) {
  const auto id = protocol::IdOf(ctx.spec);
  ++server_.stats.commands[id].rejected_calls;
  RefuseInTransaction(ctx, traits_[id].is_exec, error);
}

bool Executor::LacksMemory(ClientState& client, const Request& request) {
  // In the middle of somebody's script keys stay, and it is known what it may do.
  if (!server_.busy_error.empty()) return false;
  // It hears of evicted keys before its answer, which is about what is left.
  const bool hears_later = server_.replying_to == &client;
  if (hears_later) server_.replying_to = nullptr;
  server_.is_out_of_memory = !evictor_.HasRoom();
  if (hears_later) server_.replying_to = &client;
  return server_.is_out_of_memory && IsDeniedWhenFull(client, request);
}

bool Executor::IsDeniedWhenFull(const ClientState& client, const Request& request) const {
  const CommandTraits& traits = traits_[protocol::IdOf(*request.spec)];
  if (!client.transaction) return NeedsMemory(*request.spec, request.args);
  if (traits.is_exec) return client.transaction->NeedsMemory();
  return !traits.needs_no_memory;
}

bool Executor::NeedsMemory(const CommandSpec& spec, std::span<const std::string_view> args) const {
  const CommandTraits& traits = traits_[protocol::IdOf(spec)];
  if (traits.is_denied_when_full) return true;
  return traits.runs_script && server_.scripts != nullptr &&
         server_.scripts->NeedsMemory(spec, args);
}

bool Executor::Writes(const ClientState& client, const CommandTraits& traits) {
  if (!traits.is_exec || !client.transaction) return traits.writes;
  return client.transaction->Flags().Has(CommandFlag::kWrite);
}

// What is queued is bounded as input is: who sends more is cut off.
void Executor::Queue(CommandContext& ctx) {
  Transaction& transaction = *ctx.client.transaction;
  ctx.client.last_command = &ctx.spec;
  const bool will_run = !transaction.IsRefused() && !ctx.client.has_watched_change;
  if (will_run) {
    transaction.Queue(ctx.spec, ctx.args);
    if (NeedsMemory(ctx.spec, ctx.args)) transaction.MarkNeedsMemory();
  }
  if (transaction.Bytes() > static_cast<std::size_t>(server_.Config().client_query_buffer_limit)) {
    ctx.client.closes_after_reply = true;
  }
  ctx.reply.SimpleString("QUEUED");
}

bool Executor::TransactionRedirectedElsewhere(CommandContext& ctx) {
  if (cluster_ == nullptr) return false;
  const std::string error = cluster_->ErrorForTransaction(ctx);
  if (error.empty()) return false;
  ++server_.stats.commands[protocol::IdOf(ctx.spec)].rejected_calls;
  DropTransaction(server_, ctx.client);
  ctx.Error(error);
  return true;
}

bool Executor::RefuseUnknown(CommandContext& ctx, const Request& request) {
  if (request.spec == nullptr) {
    // A browser that was lured into speaking to us: no answer that a script could use.
    if (protocol::IsWebRequest(request.args)) {
      ctx.client.closes_after_reply = true;
      return true;
    }
    RefuseInTransaction(ctx, false, protocol::error_text::UnknownCommand(request.args));
    return true;
  }
  if (request.args.size() < 2) return false;
  RefuseInTransaction(ctx, false,
                      protocol::error_text::UnknownSubcommand(request.args[0], request.args[1]));
  return true;
}

bool Executor::RedirectedElsewhere(CommandContext& ctx, const Request& request, KeyShape shape) {
  if (shape == KeyShape::kOne) {
    keys_.assign(1, {static_cast<std::uint32_t>(request.key_index), {}});
  } else if (ExtractSlotted(*request.spec, request.args, keys_) !=
             protocol::KeyExtractionError::kNone) {
    return false;  // the command itself says what is wrong with its arguments
  }
  std::string error = cluster_->ErrorFor(ctx, keys_);
  if (error.empty()) return false;
  Reject(ctx, error);
  return true;
}

}  // namespace slotway::storage
