// SPDX-License-Identifier: Apache-2.0
// One client: its bytes become requests, its requests find their way, its replies keep their order.
//
// HandleInStages() is the table of contents of a request, SendPlain() what is left of it for most.
// A session stays until the last reply it is owed has arrived, even if its client has gone. Belongs
// to its worker's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "protocol/resp_request_parser.h"
#include "proxy/client/client_origin.h"
#include "proxy/client/farewell.h"
#include "proxy/client/held_output.h"
#include "proxy/client/last_command.h"
#include "proxy/client/local_command.h"
#include "proxy/client/read_order.h"
#include "proxy/client/session_state.h"
#include "proxy/client/user_pace.h"
#include "proxy/client/worker_services.h"
#include "proxy/pubsub/subscriber.h"
#include "proxy/reply/reply_queue.h"
#include "runtime/connection.h"

namespace slotway::proxy {

class Tracking;
struct TrackingOptions;
struct Transaction;

class ClientSession final : private runtime::Connection::Handler,
                            private ReplyQueue::Owner,
                            private Subscriber::Owner {
 public:
  ClientSession(std::unique_ptr<runtime::Connection> connection, WorkerServices& services,
                std::uint64_t id, ClientOrigin origin);
  ~ClientSession() override;

  void Start();
  // Answers what was asked, then closes.
  void CloseWhenAnswered();
  // The proxy is about to end; called every few milliseconds. `is_last_call`: see Farewell.
  void TakeLeave(bool is_last_call);
  // Closes at once; `reason` is for the log, unless who cuts many tells of them together.
  void Cut(std::string_view reason, bool is_logged = true);
  bool IsIdle(std::uint64_t now_ms, std::uint64_t timeout_ms);
  bool AwaitsAnswers() const { return replies_.Outstanding() > 0; }
  // Input and replies that wait here for this client.
  std::size_t BufferedBytes() const;
  // Gives a burst's memory back.
  void Shrink() { replies_.Shrink(); }
  // The settings were replaced: takes over those that it does not read each time.
  void ApplySettings();

  SessionState& State() { return state_; }
  const SessionState& State() const { return state_; }
  WorkerServices& Services() { return services_; }
  // For what goes to shards: with the connections that this client has for itself, if it has.
  WorkerServices& RoutingServices() { return *current_services_; }
  const runtime::Connection& Socket() const { return *connection_; }
  // How the listener is set up that the client came in by; not what a later reload made of it.
  const config::ListenerConfig& Listener() const { return *origin_.listener; }
  ClientFacts Describe() const override;
  const std::string& CountedHost() const { return origin_.counted_host; }
  // Who the client is and what it reached, as a load balancer saw it if there is one.
  runtime::SocketAddress PeerAddress() const;
  runtime::SocketAddress LocalAddress() const;
  void ApplyParserLimits();  // from the next request on
  // For what answers later: where the reply to the request at hand goes.
  ReplyQueue& Replies() { return *current_replies_; }
  ReplyQueue::Sequence OpenPlace();
  // On which of the connections to the shards its requests are now.
  Lane OwnLane() const;
  bool IsOnSlowLane() const { return is_on_slow_lane_; }
  // What the client is subscribed to; made when first asked for.
  Subscriber& Subscriptions();
  bool HasSubscriptions() const { return subscriber_ != nullptr && subscriber_->Total() > 0; }
  // From everything, and the client is not told.
  void LeaveSubscriptions();
  // CLIENT TRACKING; nullptr while it is off.
  Tracking* OwnTracking() const { return tracking_.get(); }
  // Replaces what there was before. `on_ready`, if any: the shards will tell from now on.
  void StartTracking(TrackingOptions options, std::function<void()> on_ready);
  void StopTracking();
  void UpdateTopology(const std::shared_ptr<const protocol::Topology>& topology);  // shared: immutable
  // Something that is no reply, behind the replies that are owed by now.
  void PushInOrder(std::string_view bytes);
  // While a request is answered later that others must not overtake.
  void HoldRequests() { replies_.AddHeldBack(); }
  void ReleaseRequests() { replies_.RemoveHeldBack(); }
  bool IsGone() const { return connection_ == nullptr; }
  // The request that waits at a shard for something to happen; nullptr if none does.
  BlockedCall* BlockedRequest() const { return replies_.Blocked(); }
  bool IsBlocked() const { return BlockedRequest() != nullptr; }
  void EndPostponement();  // CLIENT PAUSE is over: what it held goes on
  void BeginToMonitor();  // every worker knows; it may have left meanwhile
  // Lines of MONITOR. Who does not take them, or cannot have them all, is cut.
  void PushToMonitor(std::string_view lines, bool is_overrun);
  // Whether the request at hand is one of a transaction.
  bool IsNested() const { return current_replies_ != &replies_; }
  // Counts it among the connections of this user from now on. False, and it stays what it was, if
  // there are enough of them.
  bool TakeSeat(std::string_view user);
  // It is nobody's: it has to log in.
  void LeaveSeat();
  // The client has gone, or wants to be as new: nothing of it may wait, watch or listen any longer.
  void LeaveWays();

  // What stands between WATCH or MULTI and EXEC; made when first asked for.
  Transaction& OwnTransaction();
  // What has been queued since MULTI can no longer run.
  void SpoilQueued();
  void CheckQueuedAgain();  // it may run, but for what its user may not do at EXEC
  // Takes it away: the session watches and queues nothing any more. nullptr if there was none.
  std::unique_ptr<Transaction> EndTransaction();
  // Carries out a request that has been queued; its reply goes to `replies`.
  void PerformNested(const Request& request, ReplyQueue& replies);

 private:
  std::size_t OnBytes(std::string_view input) override {
    if (pace_.IsOn()) [[unlikely]] return TakePaced(input);
    std::size_t any = kAnyNumber;
    return TakeRequests(input, any);
  }
  // Takes at most `requests_left` requests, and counts them down. How many bytes are done with.
  std::size_t TakeRequests(std::string_view input, std::size_t& requests_left);
  std::size_t TakePaced(std::string_view input);  // the same, as the user's rates allow
  void WaitForPace();
  void EndWaitForPace();
  void FollowPace();
  void LeaveStrangers();
  void OnEndOfInput() override { CloseWhenAnswered(); }
  void OnClosed(std::string_view reason) override;
  bool IsFlushWanted() override;
  bool MayGoBehindAnswer() const;
  bool IsFlushForFarewell();
  void OnDrained() override;
  void OnReplyProgress() override;
  void OnOutputUnusable(std::string_view reason) override;
  void OnErrorReply(std::string_view reply) override { services_.meter.CountError(reply); }
  // The worker's or the client's own. False if the request waits for those on the other ones.
  bool ChooseConnections(const Request& request);
  void EndCaching(const Request& request);
  void CarryTrackingOver();
  void SetTrackingAside();
  void DropOldTrackings();
  void OnSubscriptionsChanged() override;
  void OnTooSlow(std::string_view reason) override { Cut(reason); }
  // False if the request has to wait until all before it are answered: it is offered again.
  bool HandleRequest(std::string_view bytes);
  void FindCommand();
  bool HandleInStages(const Request& as_read);
  void JudgePlainness();
  bool SendPlain(const Request& request);
  // The request as it goes on the wire; valid until the next one.
  std::string_view Rewrite(std::span<const std::string_view> args);
  const protocol::CommandSpec* FindLearned(std::span<const std::string_view> args);
  void DrawKey(const Request& request);
  bool AnswerLocally(const LocalCommand& command, const Request& request);
  void RunLocally(const LocalCommand& command, const Request& request, std::string& out);
  bool Send(const Request& request);
  bool SendScriptAsUser(const Request& request);
  bool Perform(const Request& request);
  bool PerformUnusually(const Request& request);  // the same, for a session with unusual ways
  bool IsHeldByPause(const Request& request) const;
  // Requests of a session that has unusual ways. True if the request was dealt with here.
  bool Divert(const Request& request);
  bool QueueInTransaction(const Request& request);
  // `spec`: of the command that is refused, if it is known.
  bool Refuse(std::string_view error_text, const protocol::CommandSpec* spec = nullptr);
  // How the error reads that is to be sent; it spoils a transaction that is being queued.
  std::string SpoilTransaction(std::string_view error_text, const protocol::CommandSpec* spec);
  void FailProtocol(std::string_view error_text);
  bool MayTakeRequest();
  // How many requests may be outstanding: the settings' bound, or less.
  std::size_t PipelineWindow() const;
  // Whether the shard may be asked for one more reply like this. If not, the client stands in line.
  bool TakeRoom(const Request& request, const RequestPlan& plan);
  bool IsInLine() const { return claims_ != nullptr && claims_->IsInLine(); }
  std::size_t Window() const;
  void BeginBurst();
  std::size_t FreeDepth() const;  // how many requests may be outstanding before one needs room
  bool AreRepliesLarge() const { return replies_.TypicalReplyBytes() >= kLargeReplyBytes; }
  // Who answers the client's reads: the listener's policy, or replicas if it said READONLY.
  config::ReadPolicy ReadsFrom() const;
  void Pause();
  void Postpone();
  bool StopPostponing();
  void WaitForAnswers();
  void EndIfOver();
  void CountOutput();
  bool IsSilent() const { return state_.reply_mode != ReplyMode::kOn; }

  static constexpr std::size_t kAnyNumber = ~std::size_t{0};
  static constexpr std::size_t kLargeReplyBytes = 64 * 1024;
  // Who has got fewer has not shown yet how large its replies are.
  static constexpr ReplyQueue::Sequence kNewcomersReplies = 8;

  WorkerServices& services_;
  WorkerServices* current_services_ = &services_;
  ClientOrigin origin_;
  std::unique_ptr<runtime::Connection> connection_;
  protocol::RespRequestParser parser_;
  LastCommand last_command_;
  ReplyQueue replies_;
  ReadOrder read_order_;
  ReplyQueue* current_replies_ = &replies_;
  SessionState state_;
  UserSeat seat_;
  UserPace pace_;  // of the seat
  std::unique_ptr<runtime::Timer> pace_timer_;
  std::unique_ptr<Tracking> tracking_;
  std::vector<std::unique_ptr<Tracking>> old_trackings_;  // something may be on its way there
  std::unique_ptr<Subscriber> subscriber_;  // nullptr: never subscribed
  std::unique_ptr<Transaction> transaction_;
  std::unique_ptr<ReplyClaims> claims_;  // nullptr: never had to have room
  std::string local_reply_;   // reused
  std::string rewritten_;     // an inline or renamed command as it goes on the wire
  std::vector<std::string_view> renamed_args_;
  HeldOutput held_output_;
  Farewell farewell_;
  runtime::ByteQueue::Position counted_output_ = 0;
  std::size_t window_ = 0;  // Window(), when it was asked for last
  ReplyQueue::Sequence answered_before_burst_ = 0;
  ReplyQueue::Sequence burst_at_first_ = 0;  // how much of it is free before any of it is answered
  std::size_t free_depth_ = 0;               // FreeDepth(), when it was asked for last
  bool is_plain_ = false;       // nothing of the session is unusual, as was judged last
  Lane plain_lane_;             // OwnLane() at that time
  bool is_amid_burst_ = false;  // more of it has arrived than may be outstanding
  bool has_listener_rules_ = false;  // some commands are not what they are elsewhere
  bool is_on_slow_lane_ = false;  // what is outstanding took it
  bool has_large_replies_ = false;  // takes the slow lane for them
  bool waits_for_answers_ = false;  // takes no more requests until nothing is outstanding
  bool is_postponed_ = false;       // has a request that CLIENT PAUSE holds
  bool waits_for_pace_ = false;     // its user's rates hold it back
  bool is_closing_ = false;         // takes no more requests
  bool is_over_ = false;
};

}  // namespace slotway::proxy
