// SPDX-License-Identifier: Apache-2.0
#include "storage/server/waiting_requests.h"

#include <string>
#include <vector>

#include "protocol/acl_text.h"
#include "runtime/clock.h"
#include "storage/commands/acl_access.h"
#include "storage/commands/client_push.h"
#include "storage/commands/command_call.h"
#include "storage/commands/command_context.h"

namespace slotway::storage {

void WaitingRequests::ServeReady() {
  // What is changed meanwhile is served by the call that is at work.
  if (is_serving_) return;
  is_serving_ = true;
  while (server_.waiters.HasReady()) ServeKey(server_.waiters.TakeReady());
  is_serving_ = false;
}

void WaitingRequests::ServeKey(const KeyWaiters::Key& key) {
  std::uint64_t ticket = 0;
  while (const auto next = server_.waiters.NextWaiting(key, ticket)) {
    ticket = next->ticket;
    const KeyRef ref{protocol::SlotOfKey(key.name), key.name};
    const bool exists = server_.Database(key.db_index).Exists(ref.slot, ref.key, server_.now_ms);
    if (!exists && !server_.waiters.DoesAnyoneMindAbsence(key)) return;
    if (IsWorthwhile(*server_.waiters.RequestOf(*next->client), key)) RunAgain(*next->client);
  }
}

bool WaitingRequests::IsWorthwhile(const WaitingRequest& request, const KeyWaiters::Key& key) {
  const Entry entry =
      server_.Database(key.db_index)
          .Find(protocol::SlotOfKey(key.name), key.name, server_.now_ms, Access::kPeek);
  const bool is_of_use = entry && entry.type() == request.type;
  return is_of_use || request.minds_absence;
}

void WaitingRequests::RunAgain(ClientState& client) {
  const WaitingRequest& request = *server_.waiters.RequestOf(client);
  const std::vector<std::string_view> args(request.args.begin(), request.args.end());
  const std::uint64_t changes_before = server_.changes;
  const HeldPushes held(server_, client);
  CommandContext ctx(server_, client, *request.spec, args, OutputOf(client));
  if (IsRefusedNow(ctx)) return Answered(client);
  ctx.is_run_again = true;
  CommandStats& stats = server_.stats.commands[protocol::IdOf(*request.spec)];
  const runtime::ByteQueue::Position begin = ctx.output.End();
  const std::uint64_t start_ns = runtime::MonotonicNs();
  handlers_.Of(protocol::IdOf(*request.spec))(ctx);
  server_.changes_since_save += server_.changes - changes_before;
  if (server_.propagation.IsOn()) PropagateCommand(ctx, server_.changes != changes_before);
  if (ctx.still_waits) return;
  server_.timing.Ran(ctx, stats, runtime::MonotonicNs() - start_ns, 1);
  if (ctx.has_failed) ++stats.failed_calls;
  const bool is_heard = &ctx.output != &discarded_;
  if (is_heard && !request.counts_replicas && server_.HoldsReplies(client)) {
    server_.held_replies.Note(client, begin);
  }
  Answered(client);
}

// The rules may have changed while it waited.
bool WaitingRequests::IsRefusedNow(CommandContext& ctx) {
  if (!ctx.client.is_restricted) return false;
  const protocol::AclVerdict verdict = CheckAccess(ctx.client, ctx.spec, ctx.args, keys_);
  if (verdict.IsAllowed()) return false;
  NoteDenial(server_, ctx.client, verdict, protocol::AclLogContext::kToplevel, ctx.spec, ctx.args);
  ++server_.stats.commands[protocol::IdOf(ctx.spec)].rejected_calls;
  ctx.Error(protocol::AclRefusal(verdict, ctx.spec));
  return true;
}

void WaitingRequests::ServeAcknowledged() {
  if (!server_.waiters.IsAnyoneWaiting()) return;
  for (ClientState* client : server_.waiters.Clients()) {
    const WaitingRequest* request = server_.waiters.RequestOf(*client);
    if (request != nullptr && request->counts_replicas) RunAgain(*client);
  }
}

void WaitingRequests::EndDue() {
  while (ClientState* client = server_.waiters.FindDue(server_.now_ms)) End(*client, {});
}

void WaitingRequests::End(ClientState& client, std::string_view error) {
  const WaitingRequest* request = server_.waiters.RequestOf(client);
  if (request == nullptr) return;
  if (error.empty() && request->counts_replicas) return AnswerWithoutWaiting(client, *request);
  CommandContext ctx(server_, client, *request->spec, {}, OutputOf(client));
  if (error.empty()) {
    ctx.reply.NullArray();
  } else {
    ctx.Error(error);
    ++server_.stats.commands[protocol::IdOf(*request->spec)].failed_calls;
  }
  Answered(client);
}

void WaitingRequests::AnswerWithoutWaiting(ClientState& client, const WaitingRequest& request) {
  const std::vector<std::string_view> args(request.args.begin(), request.args.end());
  CommandContext ctx(server_, client, *request.spec, args, OutputOf(client));
  ctx.is_run_again = true;
  const bool denied_waiting = std::exchange(client.denies_waiting, true);
  handlers_.Of(protocol::IdOf(*request.spec))(ctx);
  client.denies_waiting = denied_waiting;
  Answered(client);
}

void WaitingRequests::Answered(ClientState& client) {
  server_.waiters.Remove(client);
  // CLIENT REPLY SKIP concerned this request.
  if (client.reply_mode == ReplyMode::kSkipThis) client.reply_mode = ReplyMode::kOn;
  discarded_.Clear();
  if (answered_) answered_(client);
}

runtime::ByteQueue& WaitingRequests::OutputOf(ClientState& client) {
  const bool is_heard = client.reply_mode == ReplyMode::kOn && client.connection != nullptr;
  return is_heard ? client.connection->Output() : discarded_;
}

}  // namespace slotway::storage
