// SPDX-License-Identifier: Apache-2.0
#include "storage/server/shard_session.h"

#include <algorithm>
#include <string>
#include <utility>

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
  client_.is_authenticated = state.Config().requirepass.empty();
  client_.address = connection_->PeerAddress().ToString();
  client_.local_address = connection_->LocalAddress().ToString();
  RestartParser();
  state.clients.emplace(client_.id, &client_);
}

ShardSession::~ShardSession() {
  server_.State().waiters.Remove(client_);
  server_.State().clients.erase(client_.id);
}

void ShardSession::GoOn() {
  connection_->MarkForFlush();
  connection_->ResumeReading();
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
  client_.last_active_ms = state.now_ms;
  ++state.stats.reads_processed;
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
  state.stats.input_bytes += taken;
  std::size_t produced = connection_->Output().End() - output_begin;
  if (produced > 0) {
    state.stats.output_bytes += produced;
    connection_->MarkForFlush();
  }
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
    if (server_.HoldsBack(batch.requests[i])) [[unlikely]] {
      connection_->PauseReading();
      RestartParser();
      return i > 0 ? batch.EndOffset(i - 1) : 0;
    }
    executor.Execute(client_, batch.requests[i], connection_->Output());
    if (client_.closes_after_reply) return batch.EndOffset(i);
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

void ShardSession::OnEndOfInput() {
  // Nobody is there to be answered.
  server_.State().waiters.Remove(client_);
  connection_->CloseAfterFlush();
}

void ShardSession::OnClosed(std::string_view) { server_.Remove(*this); }

}  // namespace slotway::storage
