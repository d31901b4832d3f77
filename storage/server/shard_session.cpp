// SPDX-License-Identifier: Apache-2.0
#include "storage/server/shard_session.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "storage/commands/acl_access.h"
#include "storage/commands/client_push.h"
#include "storage/commands/monitor_feed.h"
#include "storage/commands/server_state.h"
#include "storage/server/shard_server.h"

namespace slotway::storage {
namespace {

// What a client may send ahead while its request waits. Beyond that it is read no more, and its
// end is noticed only when it has been answered.
constexpr std::size_t kInputBytesWhileWaiting = std::size_t{1} << 20;

}  // namespace

ShardSession::ShardSession(ShardServer& server, std::unique_ptr<runtime::Connection> connection)
    : server_(server), connection_(std::move(connection)) {
  ServerState& state = server_.State();
  client_.id = state.next_client_id++;
  client_.connection = connection_.get();
  client_.created_ms = state.now_ms;
  client_.last_active_ms = state.now_ms;
  BecomeDefaultUser(state, client_);
  client_.address = connection_->PeerAddress().ToString();
  client_.local_address = connection_->LocalAddress().ToString();
  RestartParser();
  state.clients.emplace(client_.id, &client_);
  state.client_memory.Count(client_);
}

ShardSession::~ShardSession() {
  ServerState& state = server_.State();
  if (client_.is_held_back) --state.clients_held_back;
  DropTransaction(state, client_);
  state.pubsub.LeaveAll(client_);
  state.tracking.Stop(client_);
  StopMonitoring(state, client_);
  state.waiters.Remove(client_);
  state.held_replies.Forget(client_);
  if (client_.replica != nullptr) state.replication_host->Detach(client_);
  if (client_.Is(ClientWay::kImporting)) state.cluster.importer_gone(client_);
  state.client_memory.Forget(client_);
  state.clients.erase(client_.id);
}

void ShardSession::GoOn() {
  if (client_.is_held_full) return;
  connection_->MarkForFlush();
  connection_->ResumeReading();
}

void ShardSession::HasRoom() {
  if (!std::exchange(client_.is_held_full, false) || client_.is_waiting) return;
  GoOn();
}

void ShardSession::StandStill() {
  stands_still_ = true;
  connection_->PauseReading();
}

void ShardSession::RestartParser() {
  parser_ = protocol::RespRequestParser();
  has_small_limits_ = !client_.is_authenticated;
  if (has_small_limits_) {
    parser_.SetLimits(protocol::kUnauthenticatedLimits);
  } else {
    protocol::RequestLimits limits;
    limits.bulk_bytes_max = server_.State().Config().proto_max_bulk_len;
    parser_.SetLimits(limits);
  }
}

std::size_t ShardSession::OnBytes(std::string_view input) {
  ServerState& state = server_.State();
  state.RefreshClock();
  if (!server_.ClientEviction().EvictFor(client_)) [[unlikely]] {
    server_.State().close_client(client_.id);
    return input.size();
  }
  server_.CheckLease();
  const std::uint64_t changes_before = state.changes;
  client_.last_active_ms = state.now_ms;
  ++state.stats.reads_processed;
  client_.batch_bytes = input.size();
  RequestBatch& batch = server_.Batch();
  auto output_begin = connection_->Output().End();
  std::size_t taken = 0;
  bool goes_on = true;
  while (goes_on && !connection_->IsPaused()) {
    goes_on = ParseBatch(input.substr(taken), batch);
    if (batch.Consumed() == 0 && goes_on) break;
    std::size_t executed = ExecuteBatch(batch);
    taken += executed;
    if (client_.closes_after_reply || executed < batch.Consumed()) break;
    if (!goes_on) FailProtocol();
  }
  client_.batch_bytes = 0;
  client_.understood_bytes = parser_.BytesUnderstood();
  parser_.GiveBackLargeBuffers();
  batch.GiveBackLargeBuffers();
  // One that waits now goes on when it is answered.
  if (std::exchange(stands_still_, false) && !client_.is_waiting && !client_.is_held_full) {
    connection_->ResumeReading();
  }
  state.stats.input_bytes += taken;
  std::size_t produced = connection_->Output().End() - output_begin;
  if (produced > 0) {
    state.stats.output_bytes += produced;
    // What is held is looked at when it is let go.
    if (state.changes != changes_before && !client_.held) {
      confirms_until_ms_ = std::min(confirms_until_ms_, server_.ConfirmsUntilMs());
    }
    connection_->MarkForFlush();
    CheckOutputLimit(state, client_);
  }
  state.client_memory.Count(client_, input.size() - taken);
  server_.ClientEviction().Look();
  if (client_.closes_after_reply) {
    connection_->CloseAfterFlush();
    return input.size();
  }
  return taken;
}

bool ShardSession::ParseBatch(std::string_view input, RequestBatch& batch) {
  using Status = protocol::RespRequestParser::Status;
  batch.Clear();
  std::size_t offset = 0;
  bool is_followable = true;
  while (!batch.IsFull() && offset < input.size()) {
    Status status = parser_.Parse(input.substr(offset));
    if (status == Status::kError) {
      is_followable = false;
      break;
    }
    if (status == Status::kIncomplete) {
      connection_->ExpectInput(input.size() - offset + parser_.BytesMissing());
      break;
    }
    offset += parser_.Consumed();
    if (!parser_.Args().empty()) batch.Add(parser_.Args(), offset);
    // An inline command may live in the parser's own memory, and AUTH changes the limits.
    if (parser_.IsInline() || has_small_limits_) break;
  }
  batch.SetConsumed(offset);
  return is_followable;
}

std::size_t ShardSession::ExecuteBatch(RequestBatch& batch) {
  ServerState& state = server_.State();
  Executor& executor = server_.TheExecutor();
  std::size_t key_count = 0;
  for (std::size_t i = 0; i < batch.Count(); ++i) {
    Request& request = batch.requests[i];
    request = executor.Prepare(batch.Args(i));
    if (request.key_index != 0) {
      batch.keys[key_count++] = {request.slot, request.args[request.key_index]};
    }
  }
  if (key_count > 1) {
    state.Database(client_.db_index).Prefetch(std::span(batch.keys.data(), key_count));
  }
  state.timing.BeginBatch(batch.Count());
  for (std::size_t i = 0; i < batch.Count(); ++i) {
    if (server_.HoldsBack(client_, batch.requests[i])) [[unlikely]] {
      client_.is_held_back = true;
      ++server_.State().clients_held_back;
      connection_->PauseOffering(kInputBytesWhileWaiting);
      RestartParser();
      return i > 0 ? batch.EndOffset(i - 1) : 0;
    }
    executor.Execute(client_, batch.requests[i], connection_->Output());
    if (client_.closes_after_reply) return batch.EndOffset(i);
    if (client_.held && HeldReplies::IsFull(client_)) [[unlikely]] {
      client_.is_held_full = true;
      if (!client_.is_waiting) {
        connection_->PauseOffering(kInputBytesWhileWaiting);
        RestartParser();
        return batch.EndOffset(i);
      }
    }
    if (client_.is_waiting) [[unlikely]] {
      connection_->PauseOffering(kInputBytesWhileWaiting);
      RestartParser();
      server_.ArmWaitTimer();
      return batch.EndOffset(i);
    }
  }
  if (has_small_limits_ && client_.is_authenticated) RestartParser();
  return batch.Consumed();
}

void ShardSession::FailProtocol() {
  protocol::RespWriter<runtime::ByteQueue> reply(connection_->Output(), client_.resp_version);
  server_.State().stats.CountError(parser_.ErrorText());
  reply.Error(parser_.ErrorText());
  client_.closes_after_reply = true;
}

// Whoever is told that a slot has changed hands, or begun to move, may rely on it when the master is
// gone in the next moment; so may who changed the cluster when this process ends.
bool ShardSession::IsShardInformed() {
  switch (server_.ShardNewsOf(client_)) {
    case ClusterGateway::News::kOnTheirWay:
      return false;
    case ClusterGateway::News::kKnown:
      client_.shard_news = 0;
      return true;
    case ClusterGateway::News::kLost:
      break;
  }
  runtime::LogWarning(
      "a change of the cluster was not confirmed to {}: its disk or its replicas do not have it",
      client_.address);
  connection_->Abandon();
  server_.State().close_client(client_.id);
  return false;
}

// A process that stood still between a write and its answer may have been deposed meanwhile: then
// the new master knows nothing of the write, and nobody may be told that it is done.
bool ShardSession::IsFlushWanted() {
  if (client_.shard_news != 0) [[unlikely]] {
    if (!IsShardInformed()) return false;
  }
  constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t until_ms = std::exchange(confirms_until_ms_, kNever);
  if (std::exchange(client_.confirms_held, false)) {
    server_.CheckLease();
    until_ms = std::min(until_ms, server_.ConfirmsUntilMs());
  }
  if (until_ms == kNever) [[likely]]
    return true;
  if (static_cast<std::int64_t>(runtime::BootTimeMs()) < until_ms) return true;
  if (!server_.MayBeReplaced()) return true;
  runtime::LogWarning("a write was not confirmed to {}: this node had lost its lease",
                      client_.address);
  connection_->Abandon();
  server_.State().close_client(client_.id);
  return false;
}

void ShardSession::OnEndOfInput() {
  // Nobody is there to be answered.
  server_.State().waiters.Remove(client_);
  connection_->CloseAfterFlush();
}

void ShardSession::OnDrained() {
  ++server_.State().stats.writes_processed;
  if (client_.Is(ClientWay::kReplica)) server_.Replication().OnOutputSent(client_);
  server_.State().client_memory.Count(client_);
}

void ShardSession::OnClosed(std::string_view) { server_.Remove(*this); }

}  // namespace slotway::storage
