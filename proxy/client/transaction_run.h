// SPDX-License-Identifier: Apache-2.0
// EXEC: brings what was queued to the slot's shard as MULTI ... EXEC in one write, and composes the
// reply.
//
// As long as nothing of it can have run, it is tried again within the time that requests are held.
// While it runs no further request of its client is taken. With watched keys it goes on their
// connection, once: what would be tried again counts as a watched key that was touched. Made with
// `new`; ends itself. Belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/backend_connection.h"
#include "proxy/client/nested_requests.h"
#include "proxy/client/transaction.h"
#include "proxy/reply/reply_taker.h"
#include "proxy/routing/exec_verdict.h"

namespace slotway::proxy {

class ClientSession;

class TransactionRun final : public ReplyTaker {
 public:
  // Opens the client's next place. REQUIRES: nothing of the client is outstanding.
  static void Start(ClientSession& session, std::unique_ptr<Transaction> transaction);

 private:
  TransactionRun(ClientSession& session, std::unique_ptr<Transaction> transaction);
  ~TransactionRun() override;

  void OnReply(std::size_t part, std::string_view reply) override;
  void OnLost(std::size_t part, bool may_have_run) override;
  void OnShardReady(std::size_t) override { SendInside(); }

  const TransactionQueue& Queued() const { return transaction_->queue; }
  Watch* Watched() const { return transaction_->watch.get(); }
  // The parts are MULTI, the commands, SELECT to leave the connection as it was, EXEC.
  std::size_t Inside() const { return Queued().Inside() + (Queued().ChangesDatabase() ? 1 : 0); }
  std::size_t ExecPart() const { return Inside() + 1; }

  void RunOutside();
  void SendInside();
  void SendOn(BackendConnection& connection, bool is_asking);
  void SendPart(BackendConnection& connection, std::string_view bytes, std::size_t part);
  void Retry(ReplyVerdict verdict, std::string_view error_reply);
  void Wait(std::string_view error);
  void RememberScripts(std::string_view reply);
  void TakeResult(std::string_view reply);
  void Compose();
  // Whether the shard would have remembered keys that were read, had it been asked to.
  bool HasRead() const;
  void DisclaimReads();
  void FinishUntouched();
  void Finish(std::string_view reply);
  void FinishWithError(std::string_view text);

  ClientSession& session_;
  WorkerServices& services_;
  std::unique_ptr<Transaction> transaction_;
  Lane lane_;
  protocol::Slot slot_;
  ExecVerdict verdict_;
  runtime::SocketAddress sent_to_;
  std::uint32_t waiting_since_ms_ = 0;
  std::uint32_t tries_ = 0;
  std::uint32_t redirects_ = 0;
  NestedRequests nested_;
  std::size_t next_outside_ = 0;  // index of the command to look at next
  std::vector<std::string> outside_replies_;
  std::string result_;  // EXEC's reply from the shard
  bool is_inside_over_ = false;
};

}  // namespace slotway::proxy
