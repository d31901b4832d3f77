// SPDX-License-Identifier: Apache-2.0
// One client: its bytes become requests, its requests find their way, its replies keep their order.
//
// HandleRequest() is the table of contents of a request. A session stays until the last reply it
// is owed has arrived, even if its client has gone. Belongs to its worker's thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/command_table.h"
#include "protocol/resp_request_parser.h"
#include "proxy/client/local_command.h"
#include "proxy/client/session_state.h"
#include "proxy/client/worker_services.h"
#include "proxy/pubsub/subscriber.h"
#include "proxy/reply/reply_queue.h"
#include "runtime/connection.h"

namespace slotway::proxy {

class ClientSession final : private runtime::Connection::Handler,
                            private ReplyQueue::Owner,
                            private Subscriber::Owner {
 public:
  ClientSession(std::unique_ptr<runtime::Connection> connection, WorkerServices& services,
                std::uint64_t id);
  ~ClientSession() override;

  void Start() { connection_->Start(*this); }
  // Answers what was asked, then closes.
  void CloseWhenAnswered();
  // Closes at once; `reason` is for the log.
  void Cut(std::string_view reason);
  bool IsIdle(std::uint64_t now_ms, std::uint64_t timeout_ms);
  // Input and replies that wait here for this client.
  std::size_t BufferedBytes() const;
  // Gives a burst's memory back.
  void Shrink() { replies_.Shrink(); }

  SessionState& State() { return state_; }
  WorkerServices& Services() { return services_; }
  const runtime::Connection& Socket() const { return *connection_; }
  // From the next request on.
  void ApplyParserLimits();
  // For what answers later.
  ReplyQueue& Replies() { return replies_; }
  ReplyQueue::Sequence OpenPlace() { return replies_.Open(IsSilent()); }
  // What the client is subscribed to; made when first asked for.
  Subscriber& Subscriptions();
  bool HasSubscriptions() const { return subscriber_ != nullptr && subscriber_->Total() > 0; }
  // From everything, and the client is not told.
  void LeaveSubscriptions();
  bool IsGone() const { return connection_ == nullptr; }

 private:
  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override { CloseWhenAnswered(); }
  void OnClosed(std::string_view reason) override;
  bool IsFlushWanted() override;
  void OnDrained() override;
  void OnReplyProgress() override;
  void OnOutputUnusable(std::string_view reason) override;

  void OnSubscriptionsChanged() override;
  void OnTooSlow(std::string_view reason) override { Cut(reason); }
  // False if the request has to wait until all before it are answered: it is offered again.
  bool HandleRequest(std::string_view bytes);
  bool AnswerLocally(const LocalCommand& command, std::span<const std::string_view> args,
                     const protocol::CommandSpec& spec);
  bool Send(const Request& request);
  // Requests of a session that has unusual ways. True if the request was dealt with here.
  bool Divert(const Request& request);
  // The client has gone: nothing of it may wait, watch or listen any longer.
  void LeaveWays();
  bool Refuse(std::string_view error_text);
  void FailProtocol(std::string_view error_text);
  bool MayTakeRequest() const;
  std::size_t PipelineWindow() const;
  void Pause();
  void WaitForAnswers();
  void EndIfOver();
  void CountOutput();
  bool IsSilent() const { return state_.reply_mode != ReplyMode::kOn; }

  WorkerServices& services_;
  std::unique_ptr<runtime::Connection> connection_;
  protocol::RespRequestParser parser_;
  ReplyQueue replies_;
  SessionState state_;
  std::unique_ptr<Subscriber> subscriber_;  // nullptr: never subscribed
  std::string local_reply_;   // reused
  std::string inline_bytes_;  // an inline command as it goes on the wire
  std::uint64_t held_output_since_ms_ = 0;
  runtime::ByteQueue::Position counted_output_ = 0;
  bool is_on_slow_lane_ = false;  // what is outstanding took it
  bool waits_for_answers_ = false;  // takes no more requests until nothing is outstanding
  bool is_closing_ = false;         // takes no more requests
  bool is_over_ = false;
};

}  // namespace slotway::proxy
