// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/private_call.h"

#include <algorithm>
#include <utility>

#include "protocol/error_reply.h"
#include "protocol/resp_writer.h"
#include "proxy/routing/redirect.h"
#include "proxy/routing/script_request.h"
#include "proxy/routing/trouble_texts.h"

namespace slotway::proxy {
namespace {

// A leg that waited this long was in peace: what happens then is a new incident.
constexpr std::uint64_t kPeaceMs = 1000;
constexpr std::uint8_t kUnblockTriesMax = 50;
// How a master ends what blocks when it becomes a replica.
constexpr std::string_view kUnblockedByForce = "-UNBLOCKED force ";
constexpr std::string_view kUnblockedByClient = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

// Why a connection could not become whom it was to be, if that will not change: a whole reply.
std::string RefusalIn(std::string_view reason) {
  constexpr std::string_view kRefused = "login refused: ";
  if (!reason.starts_with(kRefused)) return {};
  reason.remove_prefix(kRefused.size());
  for (std::string_view code : {"ERR ", "NOPERM ", "WRONGPASS "}) {
    if (!reason.starts_with(code)) continue;
    return protocol::ErrorReplyOf("ERR the shard does not run scripts as this user: " + std::string(reason));
  }
  return {};
}

}  // namespace

void PrivateCall::Unblocking::Count(bool is_ended) {
  was_ended |= is_ended;
  if (--left > 0) return;
  for (auto& tell : std::exchange(done, {})) tell(was_ended);
}

PrivateCall::PrivateCall(const OperationContext& context, const std::vector<protocol::Slot>& slots)
    : Operation(context),
      command_(context.request.id),
      timeout_place_(context.request.spec->timeout),
      is_write_(context.request.spec->IsWrite() ||
                (RunsScript(*context.request.spec) && !context.request.spec->IsReadonly())),
      args_(context.request.args.begin(), context.request.args.end()),
      timeout_(protocol::FindBlockTimeout(*context.request.spec, context.request.args)),
      legs_(slots.size()),
      left_(slots.size()),
      timer_(context.dispatcher.Loop()) {
  for (std::size_t i = 0; i < slots.size(); ++i) legs_[i].slot = slots[i];
  if (timeout_ && timeout_->is_valid && timeout_->ms > 0) {
    deadline_ms_ = Dispatch().Loop().NowMs() + timeout_->ms;
  }
  Dispatch().CountBlocked(true);
  Queue().SetBlocked(this);
}

PrivateCall::~PrivateCall() { Dispatch().CountBlocked(false); }

void PrivateCall::Begin() {
  std::weak_ptr<char> alive = alive_;
  std::size_t count = legs_.size();
  for (std::size_t leg = 0; leg < count && !alive.expired(); ++leg) StartLeg(leg);
}

void PrivateCall::Leave() {
  is_over_ = true;
  Queue().SetBlocked(nullptr);
  Dispatch().CancelAwait(*this);
  for (Leg& leg : legs_) {
    if (leg.awaits_id) unblocking_->Count(false);
    if (leg.connection != nullptr) Dispatch().Private().End(*leg.connection);
  }
}

void PrivateCall::End(std::string_view reply) {
  Leave();
  Finish(reply);
}

void PrivateCall::HandOver() {
  Leave();
  delete this;
}

bool PrivateCall::IsTimeOver() const {
  return deadline_ms_ != 0 && Dispatch().Loop().NowMs() >= deadline_ms_;
}

bool PrivateCall::IsBeingUnblocked() const {
  return unblocking_ != nullptr && (unblocking_->IsUnderWay() || unblocking_->was_ended);
}

std::string PrivateCall::RequestBytes() const {
  std::vector<std::string_view> words(args_.begin(), args_.end());
  std::string left;
  if (deadline_ms_ != 0) {
    std::uint64_t left_ms = deadline_ms_ - Dispatch().Loop().NowMs();
    if (left_ms != timeout_->ms) left = protocol::FormatBlockTimeout(timeout_place_, left_ms);
    if (!left.empty()) words[timeout_->index] = left;
  }
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, std::span<const std::string_view>(words));
  return bytes;
}

void PrivateCall::StartLeg(std::size_t index) {
  Leg& leg = legs_[index];
  if (IsTimeOver()) return EndByForce(false);
  bool is_ready = Dispatch().ReadyConnection(leg.slot, OwnLane()) != nullptr;
  if (!leg.asking && !is_ready) return AwaitShard(index);
  runtime::SocketAddress address = leg.asking ? *leg.asking : *Dispatch().OwnerOf(leg.slot);
  const Guise* guise = AsWhom();
  BackendConnection* connection = Dispatch().Private().Take(address, OwnLane(), *this,
                                                            guise != nullptr ? *guise : Guise());
  if (connection == nullptr) return EndLeg(index, protocol::ErrorReplyOf(trouble_text::kTooManyPrivate));
  leg.connection = connection;
  leg.awaits_guise = guise != nullptr && !connection->WasReady();
  if (!leg.awaits_guise) SendLeg(index, *connection);
}

void PrivateCall::SendLeg(std::size_t index, BackendConnection& connection) {
  Leg& leg = legs_[index];
  leg.sent_at_ms = Dispatch().Loop().NowMs();
  if (std::string preface = Preface(); !preface.empty()) {
    connection.Send(preface, InFlight::Dropped());
  }
  leg.is_parked = false;
  if (is_write_) Queue().NoteWrite(leg.slot);
  if (is_write_ && timeout_place_ != protocol::TimeoutPlace::kNone) {
    // wire: a constant request.
    connection.Send("*1\r\n$4\r\nPING\r\n", PartOf(legs_.size() + index, leg.slot));
  }
  InFlight request = PartOf(index, leg.slot);
  if (std::exchange(leg.asking, std::nullopt)) {
    connection.SendAsking(RequestBytes(), request);
  } else {
    connection.Send(RequestBytes(), request);
  }
}

InFlight PrivateCall::PartOf(std::size_t part, protocol::Slot slot) {
  InFlight request;
  request.kind = InFlight::Kind::kPart;
  request.taker = this;
  request.place = static_cast<std::uint32_t>(part);
  request.slot = slot;
  request.command = command_;
  request.is_raw = true;
  request.lane = OwnLane();
  return request;
}

// Also after the connection was lost: a moment, so that a shard that only hangs up is not asked all
// the time.
void PrivateCall::AwaitShard(std::size_t index) {
  Leg& leg = legs_[index];
  leg.is_awaiting = true;
  if (deadline_ms_ != 0 && !timer_.IsActive()) {
    timer_.Start(deadline_ms_ - Dispatch().Loop().NowMs(), 0, [this] { EndByForce(false); });
  }
  std::uint64_t delay_ms = leg.tries == 0 ? 0 : Dispatch().BackoffMs(leg.tries);
  Dispatch().Await(leg.slot, OwnLane(), *this, index, trouble_text::kUnreachable, delay_ms,
                   leg.waiting_since_ms);
}

void PrivateCall::OnShardReady(std::size_t part) {
  legs_[part].is_awaiting = false;
  bool is_any_awaiting =
      std::any_of(legs_.begin(), legs_.end(), [](const Leg& leg) { return leg.is_awaiting; });
  if (!is_any_awaiting) timer_.Stop();
  StartLeg(part);
}

// A shard reads a PING and the call behind it at once and answers both at once, unless the call
// waits: then the PING's answer comes alone.
void PrivateCall::OnReply(std::size_t part, std::string_view reply) {
  if (part >= legs_.size()) {
    legs_[part - legs_.size()].is_parked = true;
    return;
  }
  Leg& leg = legs_[part];
  if (std::exchange(leg.is_awaiting, false)) return EndLeg(part, reply);
  runtime::SocketAddress from = leg.connection->Address();
  LetGo(leg);
  if (reply.starts_with('-') && GoesOn(part, from, reply)) return;
  EndLeg(part, reply);
}

void PrivateCall::EndLeg(std::size_t, std::string_view reply) {
  --left_;
  const bool is_refused = !refusal_.empty() && protocol::ErrorTextOf(reply) == kUnblockedByClient;
  OnLegReply(is_refused ? protocol::ErrorReplyOf(refusal_) : reply, left_);
}

// Whether the error is none of the client's business. It may have ended the call then.
bool PrivateCall::GoesOn(std::size_t index, const runtime::SocketAddress& from,
                         std::string_view reply) {
  ReplyVerdict verdict = JudgeErrorReply(reply);
  bool is_demoted = reply.starts_with(kUnblockedByForce) || IsOfReplica(reply);
  if (verdict == ReplyVerdict::kForClient && !is_demoted) return false;
  if (IsBeingUnblocked() || IsTimeOver()) {
    EndByForce(IsBeingUnblocked() && unblocking_->with_error);
    return true;
  }
  Leg& leg = legs_[index];
  NoteIncident(leg);
  if (verdict != ReplyVerdict::kMoved && verdict != ReplyVerdict::kAsk) {
    Dispatch().RequestRefresh();
    AwaitShard(index);
    return true;
  }
  auto target = Dispatch().LearnRedirect(from, reply);
  if (leg.tries > Settings().retry.redirects_max) {
    EndLeg(index, protocol::ErrorReplyOf(trouble_text::kTooManyRedirects));
  } else if (!target) {
    AwaitShard(index);
  } else {
    leg.slot = target->slot;
    if (target->kind == protocol::Redirect::Kind::kAsk) leg.asking = target->address;
    StartLeg(index);
  }
  return true;
}

// A call that waits is sent again, although the shard may have served it in its last moment:
// whoever blocks asks for what comes next. One that may have found something at once is a write
// like others.
void PrivateCall::OnLost(std::size_t part, bool may_have_run) {
  if (is_over_ || part >= legs_.size()) return;
  Leg& leg = legs_[part];
  // At once: the call may be over before the connection is told to be down.
  Dispatch().Private().GiveBack(*std::exchange(leg.connection, nullptr));
  if (std::exchange(leg.awaits_id, false)) unblocking_->Count(false);
  if (IsBeingUnblocked()) return EndByForce(unblocking_->with_error);
  // What a module's command does while it blocks is not known.
  bool is_waiting = leg.is_parked && timeout_place_ != protocol::TimeoutPlace::kNone;
  if (is_write_ && may_have_run && !is_waiting) {
    return EndLeg(part, protocol::ErrorReplyOf(trouble_text::kOutcomeUnknown));
  }
  if (IsTimeOver()) return EndByForce(false);
  NoteIncident(leg);
  Dispatch().RequestRefresh();
  AwaitShard(part);
}

void PrivateCall::NoteIncident(Leg& leg) const {
  if (Dispatch().Loop().NowMs() - leg.sent_at_ms > kPeaceMs) {
    leg.tries = 0;
    leg.waiting_since_ms = 0;
  }
  if (leg.tries < 255) ++leg.tries;
}

void PrivateCall::LetGo(Leg& leg) {
  if (std::exchange(leg.awaits_id, false)) unblocking_->Count(false);
  BackendConnection& connection = *std::exchange(leg.connection, nullptr);
  if (std::exchange(leg.is_spoilt, false)) {
    Dispatch().Private().Retire(connection);
  } else {
    Dispatch().Private().GiveBack(connection);
  }
}

void PrivateCall::EndByForce(bool with_error) {
  const std::string_view error = refusal_.empty() ? kUnblockedByClient : refusal_;
  End(with_error ? protocol::ErrorReplyOf(error) : TimeoutReply());
}

void PrivateCall::OnClientGone() { End({}); }

void PrivateCall::Refuse(std::string_view error) {
  refusal_ = error;
  Unblock(true, [](bool) {});
}

void PrivateCall::Unblock(bool with_error, std::function<void(bool)> done) {
  if (unblocking_ != nullptr && unblocking_->IsUnderWay()) {
    unblocking_->done.push_back(std::move(done));
    return;
  }
  std::size_t connected = 0;
  for (const Leg& leg : legs_) connected += leg.connection != nullptr;
  if (connected == 0) {
    EndByForce(with_error);
    return done(true);
  }
  unblocking_ = std::make_shared<Unblocking>();
  unblocking_->with_error = with_error;
  unblocking_->left = connected;
  unblocking_->done.push_back(std::move(done));
  for (std::size_t i = 0; i < legs_.size(); ++i) {
    Leg& leg = legs_[i];
    if (leg.connection == nullptr) continue;
    leg.awaits_id = true;
    leg.unblock_tries = 0;
    if (leg.connection->RemoteId() != 0) AskToUnblock(i);
  }
}

void PrivateCall::OnPrivateReady(BackendConnection& connection) {
  for (std::size_t i = 0; i < legs_.size(); ++i) {
    if (legs_[i].connection != &connection) continue;
    if (std::exchange(legs_[i].awaits_guise, false)) SendLeg(i, connection);
    if (legs_[i].awaits_id) AskToUnblock(i);
  }
}

// Of a connection on which something was sent OnLost() has told.
void PrivateCall::OnPrivateDown(BackendConnection& connection, std::string_view reason) {
  for (std::size_t i = 0; i < legs_.size(); ++i) {
    Leg& leg = legs_[i];
    if (leg.connection != &connection || !std::exchange(leg.awaits_guise, false)) continue;
    leg.connection = nullptr;
    if (std::exchange(leg.awaits_id, false)) unblocking_->Count(false);
    if (std::string refusal = RefusalIn(reason); !refusal.empty()) return EndLeg(i, refusal);
    NoteIncident(leg);
    Dispatch().RequestRefresh();
    return AwaitShard(i);
  }
}

// The shard decides: it may have served the call already.
void PrivateCall::AskToUnblock(std::size_t index) {
  Leg& leg = legs_[index];
  leg.awaits_id = false;
  leg.is_spoilt = true;
  std::vector<std::string> question = {"CLIENT", "UNBLOCK",
                                       std::to_string(leg.connection->RemoteId()),
                                       unblocking_->with_error ? "ERROR" : "TIMEOUT"};
  auto answered = [this, index, unblocking = unblocking_, connection = leg.connection,
                   alive = std::weak_ptr<char>(alive_)](std::optional<std::int64_t> answer) {
    bool is_ended = answer == 1;
    if (alive.expired()) return unblocking->Count(is_ended);
    bool is_waiting = legs_[index].connection == connection;
    is_waiting ? TakeUnblockAnswer(index, is_ended) : CountUnblocked(is_ended);
  };
  bool is_asked =
      Dispatch().Private().Ask(leg.connection->Address(), std::move(question),
                               Settings().backend.response_timeout_ms, std::move(answered));
  if (!is_asked) TakeUnblockAnswer(index, false);
}

// What the shard does not know to be blocked has either been served, and the reply is on its way, or
// it has not been read yet: the question came on another connection.
void PrivateCall::TakeUnblockAnswer(std::size_t index, bool is_ended) {
  Leg& leg = legs_[index];
  if (!is_ended && ++leg.unblock_tries < kUnblockTriesMax) return AskToUnblock(index);
  CountUnblocked(is_ended);
}

// If one shard has ended its part, what others still wait for is of no use.
void PrivateCall::CountUnblocked(bool is_ended) {
  // shared: see its declaration.
  auto unblocking = unblocking_;
  std::weak_ptr<char> alive = alive_;
  if (unblocking->left == 1 && !is_ended && !unblocking->was_ended) unblocking_.reset();
  unblocking->Count(is_ended);
  if (alive.expired() || is_over_ || legs_.size() == 1) return;
  if (unblocking->was_ended && !unblocking->IsUnderWay()) EndByForce(unblocking->with_error);
}

}  // namespace slotway::proxy
