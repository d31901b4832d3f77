// SPDX-License-Identifier: Apache-2.0
// How much a client may ask and has to take, and how a session ends: windows, pauses, flushes, idleness.
#include <algorithm>
#include <utility>

#include "proxy/client/client_session.h"
#include "proxy/client/tracking.h"
#include "proxy/client/transaction.h"
#include "proxy/client/user_rights.h"
#include "proxy/reply/blocked_call.h"
#include "runtime/log.h"

namespace slotway::proxy {
namespace {

// Output beyond this leaves at once, whatever is still due.
constexpr std::size_t kHoldOutputBytes = 16 * 1024;
constexpr std::size_t kWindowMin = 16;
// How large replies are is not known before they come, and what a crowd asks for at once could be
// more than a shard can send in seconds. So a new client begins with few requests, and one more with
// each reply: the number doubles with each round. Who has got replies begins a burst with more, but
// what it asks for next may be larger: without room only as many as the last burst had.
constexpr std::size_t kWindowAtFirst = 2;
constexpr ReplyQueue::Sequence kBurstAtFirst = 64;
constexpr std::size_t kBurstPerReply = 8;
// How much of what a blocked client goes on to ask is read.
constexpr std::size_t kBlockedInputBytes = 64 * 1024;

}  // namespace

void ClientSession::Start() {
  connection_->Start(*this);
  // It is its user without having said anything, and there are enough of its kind.
  if (!state_.is_turned_away || connection_ == nullptr) return;
  services_.counters.rejected.Add();
  Refuse(kUserHasAllClients);
  CloseWhenAnswered();
}

// As many requests as have small replies; few of those whose replies are large, since what is
// outstanding must be kept if the client does not read.
std::size_t ClientSession::PipelineWindow() const {
  const config::LimitsConfig& limits = services_.settings.limits;
  std::size_t fitting = limits.client_output_pause_bytes / (replies_.TypicalReplyBytes() + 1);
  return std::clamp<std::size_t>(fitting,
                                 std::min<std::size_t>(kWindowMin, limits.client_pipeline_max),
                                 limits.client_pipeline_max);
}

std::size_t ClientSession::Window() const {
  const std::size_t answered = replies_.Answered();
  const std::size_t of_burst = replies_.Answered() - answered_before_burst_;
  return std::min({PipelineWindow(), kWindowAtFirst + answered,
                   kBurstAtFirst + kBurstPerReply * of_burst});
}

void ClientSession::BeginBurst() {
  const ReplyQueue::Sequence of_last = replies_.Answered() - answered_before_burst_;
  burst_at_first_ = std::clamp<ReplyQueue::Sequence>(std::max(of_last, burst_at_first_ / 2), 1,
                                                     kBurstAtFirst);
  answered_before_burst_ = replies_.Answered();
}

std::size_t ClientSession::FreeDepth() const {
  if (AreRepliesLarge() || replies_.Answered() < kNewcomersReplies) return 0;
  return burst_at_first_ + kBurstPerReply * (replies_.Answered() - answered_before_burst_);
}

// A shard that is out of reach makes no replies; what is held for it has its own bounds.
bool ClientSession::TakeRoom(const Request& request, const RequestPlan& plan) {
  if (plan.route != Route::kOneKey || !plan.is_readonly) return true;
  const Dispatcher& dispatcher = services_.dispatcher;
  const protocol::Slot slot = dispatcher.SlotOf(request.args[plan.first_key]);
  if (dispatcher.ReadyConnection(slot, Lane()) == nullptr) return true;
  ShardRooms& rooms =
      services_.rooms.try_emplace(dispatcher.OwnerIndex(slot), services_.colleagues.count)
          .first->second;
  if (claims_ == nullptr) {
    claims_ = std::make_unique<ReplyClaims>([this] {
      if (connection_ != nullptr) connection_->ResumeReading();
    });
  }
  replies_.NotifyProgress(true);  // what is answered gives its room back
  return has_large_replies_
             ? claims_->Take(rooms.large, replies_.TypicalReplyBytes(), replies_.NextPlace())
             : claims_->Take(rooms.unknown, ShardRooms::kUnknownReplyBytes, replies_.NextPlace());
}

bool ClientSession::TakeSeat(std::string_view user) {
  if (seat_.IsTaken() && seat_.User() == user) return true;
  UserSeat seat = services_.book.Loads().Take(user);
  if (!seat.IsTaken()) return false;
  pace_.Follow(nullptr);
  seat_ = std::move(seat);
  FollowPace();
  LeaveStrangers();
  return true;
}

void ClientSession::LeaveSeat() {
  pace_.Follow(nullptr);
  seat_ = UserSeat();
  FollowPace();
  services_.strangers.Add(state_.id, services_.loop.NowMs());
  services_.counters.strangers.Set(services_.strangers.Count());
}

void ClientSession::LeaveStrangers() {
  services_.strangers.Remove(state_.id);
  services_.counters.strangers.Set(services_.strangers.Count());
}

// Its user is another one, or has other rates.
void ClientSession::FollowPace() {
  const bool has_rates = seat_.IsTaken() && seat_.Load()->HasRates();
  pace_.Follow(has_rates ? seat_.Load() : nullptr);
  EndWaitForPace();
}

// In small turns, so that other connections of the user have theirs in between.
std::size_t ClientSession::TakePaced(std::string_view input) {
  std::size_t taken = 0;
  while (taken < input.size() && !is_closing_) {
    const bool is_on = pace_.IsOn();  // a login changes it
    if (is_on && !pace_.MayTake(services_.loop.NowMs(), input.size() - taken)) {
      WaitForPace();
      break;
    }
    const std::size_t turn = is_on ? pace_.Requests() : kAnyNumber;
    std::size_t left = turn;
    const std::size_t bytes = TakeRequests(input.substr(taken), left);
    pace_.NoteTaken(turn - left, bytes);
    taken += bytes;
    if (left > 0) break;
  }
  return is_closing_ ? input.size() : taken;
}

void ClientSession::WaitForPace() {
  const std::uint64_t wait_ms = pace_.ReadyAtMs() - services_.loop.NowMs();
  if (pace_.IsTooLong(wait_ms)) return Cut("its user has asked for more than its rates allow");
  if (!std::exchange(waits_for_pace_, true)) {
    services_.counters.paced.Add();
    services_.counters.paced_clients.Add();
  }
  connection_->PauseReading();
  replies_.NotifyProgress(true);
  if (pace_timer_ == nullptr) pace_timer_ = std::make_unique<runtime::Timer>(services_.loop);
  pace_timer_->Start(wait_ms, 0, [this] { EndWaitForPace(); });
}

void ClientSession::EndWaitForPace() {
  if (!std::exchange(waits_for_pace_, false)) return;
  services_.counters.paced_clients.Subtract();
  pace_timer_->Stop();
  if (connection_ != nullptr) OnReplyProgress();
}

void ClientSession::Pause() {
  if (replies_.Blocked() != nullptr) {
    // If the client hangs up, its wait has to end.
    connection_->PauseOffering(kBlockedInputBytes);
  } else {
    connection_->PauseReading();
  }
  replies_.NotifyProgress(true);
}

// What arrives is kept; its end is noticed.
void ClientSession::Postpone() {
  if (!std::exchange(is_postponed_, true)) services_.counters.postponed_clients.Add();
  connection_->PauseOffering(kBlockedInputBytes);
}

void ClientSession::EndPostponement() {
  state_.ways &= static_cast<std::uint8_t>(~kPaused);
  if (StopPostponing()) OnReplyProgress();
}

// True if a request was held.
bool ClientSession::StopPostponing() {
  if (!std::exchange(is_postponed_, false)) return false;
  services_.counters.postponed_clients.Subtract();
  return true;
}

void ClientSession::BeginToMonitor() {
  if ((state_.ways & kMonitors) != 0) services_.monitors.Add(state_.id);
}

void ClientSession::PushToMonitor(std::string_view lines, bool is_overrun) {
  if (connection_ == nullptr || is_closing_) return;
  if (is_overrun) return Cut("monitors more than can be kept for it");
  replies_.Push(lines);
  if (connection_ != nullptr && connection_->UnwrittenBytes() + replies_.EarlyBytes() >
                                    services_.settings.limits.pubsub_output_max_bytes) {
    Cut("monitors, and takes less than limits.pubsub_output_max_bytes");
  }
}

// Takes no more requests until everything is answered; the last answer wakes it.
void ClientSession::WaitForAnswers() {
  if (is_closing_ || replies_.Outstanding() == 0) return;
  waits_for_answers_ = true;
  Pause();
}

void ClientSession::OnReplyProgress() {
  if (replies_.Outstanding() == 0) waits_for_answers_ = false;
  if (claims_ != nullptr) {
    claims_->NoteAnswered(replies_.Answered());
    if (replies_.Outstanding() < FreeDepth()) claims_->Withdraw();
    if (free_depth_ > 0 && claims_->Empty()) claims_.reset();
  }
  if (is_closing_ || connection_ == nullptr) {
    EndIfOver();
    return;
  }
  const bool is_paused = connection_->IsPaused();
  const bool may_resume =
      is_paused && !is_postponed_ && !waits_for_pace_ && !IsInLine() && MayTakeRequest();
  if (is_paused && !may_resume) return;
  replies_.NotifyProgress(claims_ != nullptr);
  if (may_resume) connection_->ResumeReading();
}

void ClientSession::OnDrained() {
  if (connection_ == nullptr) return;
  CountOutput();
  held_output_.End();
  state_.local_request_bytes = 0;
  if (connection_->IsPaused()) OnReplyProgress();
}

// Replies of one batch of requests leave in one send, if the rest of the batch is soon to come.
bool ClientSession::IsFlushWanted() {
  if (connection_ == nullptr) return true;
  if (farewell_.HasBegun() && !is_closing_) [[unlikely]] {
    return IsFlushForFarewell();
  }
  if (replies_.IsBatchComplete() || connection_->UnwrittenBytes() >= kHoldOutputBytes) {
    held_output_.End();
    return true;
  }
  return !held_output_.MayWait(services_.loop.NowMs(), state_.last_request_at_ms);
}

void ClientSession::CloseWhenAnswered() {
  if (is_closing_) return;
  // What may never come is not waited for.
  if (replies_.Blocked() != nullptr) return OnClosed("blocked");
  is_closing_ = true;
  connection_->PauseReading();
  replies_.NotifyProgress(true);
  EndIfOver();
}

void ClientSession::Cut(std::string_view reason, bool is_logged) {
  if (is_over_ || connection_ == nullptr) return;
  services_.counters.cut.Add();
  if (is_logged) {
    runtime::LogInfo("client {} {}: cut: {}", state_.id, PeerAddress().ToString(), reason);
  }
  OnClosed(reason);
}

void ClientSession::OnOutputUnusable(std::string_view reason) { Cut(reason); }

void ClientSession::OnClosed(std::string_view) {
  is_closing_ = true;
  if (connection_ == nullptr) return;
  StopPostponing();
  CountOutput();
  pace_.Follow(nullptr);
  seat_ = UserSeat();
  LeaveStrangers();
  if (claims_ != nullptr) claims_->Withdraw();
  replies_.Detach();
  replies_.NotifyProgress(false);  // the end is not to be noticed before this is through
  LeaveWays();
  replies_.NotifyProgress(true);
  // Not here and now: a caller up the stack may be using the connection.
  runtime::Connection* dying = connection_.release();
  dying->Abandon();
  services_.loop.DeferEnd([dying] { delete dying; });
  EndWaitForPace();
  services_.loop.Defer([this] {
    LeaveSubscriptions();
    // Answers whatever is on its way there: nobody reads it any more.
    if (tracking_) tracking_->Shutdown();
    for (const auto& old : old_trackings_) old->Shutdown();
    EndIfOver();
  });
}

void ClientSession::CountOutput() {
  const std::size_t bytes = connection_->Written() - counted_output_;
  services_.counters.bytes_out.Add(bytes);
  if (pace_.IsOn()) [[unlikely]] pace_.Charge(bytes);
  counted_output_ = connection_->Written();
}

void ClientSession::EndIfOver() {
  if (is_over_ || replies_.Outstanding() > 0) return;
  if (connection_ != nullptr) {
    LeaveSubscriptions();  // before the client can know that it has ended
    farewell_.HasBegun() ? connection_->SeeOff() : connection_->CloseAfterFlush();
    return;
  }
  is_over_ = true;
  services_.on_session_over(*this);
}

std::size_t ClientSession::BufferedBytes() const {
  std::size_t bytes = replies_.EarlyBytes();
  if (transaction_ != nullptr) bytes += transaction_->queue.Bytes();
  if (connection_ != nullptr) {
    bytes += connection_->Output().Size() + connection_->KeptInputBytes();
  }
  return bytes;
}

bool ClientSession::IsIdle(std::uint64_t now_ms, std::uint64_t timeout_ms) {
  if (connection_ != nullptr && connection_->Written() != counted_output_) {
    // Still taking in what it asked for.
    CountOutput();
    state_.last_request_at_ms = now_ms;
  }
  // As Redis: who listens has nothing to ask.
  bool listens = HasSubscriptions() || (state_.ways & kMonitors) != 0;
  return connection_ != nullptr && replies_.Outstanding() == 0 && !listens && !waits_for_pace_ &&
         now_ms - state_.last_request_at_ms > timeout_ms;
}

}  // namespace slotway::proxy
