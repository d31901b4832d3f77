// SPDX-License-Identifier: Apache-2.0
// MULTI, EXEC, DISCARD, WATCH, UNWATCH.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "protocol/key_extraction.h"
#include "proxy/client/client_session.h"
#include "proxy/client/transaction_run.h"
#include "proxy/client/watch_run.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kWatchCrossSlot =
    "CROSSSLOT Watched keys have to hash to one slot, and these hash to several";

bool IsQueueing(const ClientSession& session) {
  return (session.State().ways & SessionWays::kQueuesTransaction) != 0;
}

void Multi(LocalCall& call) {
  if (IsQueueing(call.session)) return call.reply.Error("ERR MULTI calls can not be nested");
  Transaction& transaction = call.session.OwnTransaction();
  if (transaction.watch) transaction.queue.BindToWatched(transaction.watch->KeySlot());
  call.session.State().ways |= SessionWays::kQueuesTransaction;
  call.reply.Ok();
}

void Exec(LocalCall& call) {
  if (!IsQueueing(call.session)) return call.reply.Error("ERR EXEC without MULTI");
  std::unique_ptr<Transaction> transaction = call.session.EndTransaction();
  if (transaction->queue.IsRefused()) return call.reply.Error(kExecAborted);
  TransactionRun::Start(call.session, std::move(transaction));
}

void Discard(LocalCall& call) {
  if (!IsQueueing(call.session)) return call.reply.Error("ERR DISCARD without MULTI");
  call.session.EndTransaction();
  call.reply.Ok();
}

void WatchKeys(LocalCall& call) {
  ClientSession& session = call.session;
  if (IsQueueing(session)) return call.reply.Error("ERR WATCH inside MULTI is not allowed");
  const Dispatcher& dispatcher = session.Services().dispatcher;
  const auto& watch = session.OwnTransaction().watch;
  protocol::Slot slot = watch ? watch->KeySlot() : dispatcher.SlotOf(call.args[1]);
  for (std::string_view key : call.args.subspan(1)) {
    if (dispatcher.SlotOf(key) != slot) return call.reply.Error(kWatchCrossSlot);
  }
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, call.args);
  WatchRun::Start(session, slot, std::move(bytes));
}

// Inside a transaction it runs with EXEC, when nothing is watched any more.
void Unwatch(LocalCall& call) {
  call.session.EndTransaction();
  call.reply.Ok();
}

constexpr bool kNeedsQuiet = true;

constexpr std::array kCommands = {
    LocalCommand{"multi", Multi, !kNeedsQuiet, InTransaction::kAtOnce},
    LocalCommand{"exec", Exec, kNeedsQuiet, InTransaction::kExecutes},
    LocalCommand{"discard", Discard, !kNeedsQuiet, InTransaction::kAtOnce},
    LocalCommand{"watch", WatchKeys, kNeedsQuiet, InTransaction::kAtOnce},
    LocalCommand{"unwatch", Unwatch},
};

}  // namespace

std::span<const LocalCommand> TransactionCommands() { return kCommands; }

}  // namespace slotway::proxy
