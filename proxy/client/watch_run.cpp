// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/watch_run.h"

#include <utility>

#include "protocol/error_reply.h"
#include "protocol/error_text.h"
#include "proxy/client/client_session.h"
#include "proxy/client/transaction.h"
#include "proxy/routing/redirect.h"
#include "proxy/routing/trouble_texts.h"

namespace slotway::proxy {
namespace {

enum Part : std::size_t { kWatchPart, kTicketPart };

}  // namespace

void WatchRun::Start(ClientSession& session, protocol::Slot slot, std::string bytes) {
  (new WatchRun(session, slot, std::move(bytes)))->Send();
}

WatchRun::WatchRun(ClientSession& session, protocol::Slot slot, std::string bytes)
    : ReplyTaker(session.Replies(), session.OpenPlace()),
      session_(session),
      services_(session.RoutingServices()),
      slot_(slot),
      lane_(session.State().resp, session.State().database),
      bytes_(std::move(bytes)),
      watch_(std::move(session.OwnTransaction().watch)),
      had_watch_(watch_ != nullptr) {
  Queue().AddHeldBack();
}

WatchRun::~WatchRun() { Queue().RemoveHeldBack(); }

void WatchRun::Send() {
  if (watch_ != nullptr && watch_->IsBroken()) return FinishWatching();
  if (watch_ == nullptr) {
    auto owner = services_.dispatcher.OwnerOf(slot_);
    if (!owner) return Wait(protocol::error_text::kClusterDownUnbound);
    watch_ = std::make_unique<Watch>(services_, slot_, lane_);
    if (!watch_->Open(*owner)) return FinishWithError(trouble_text::kTooManyPrivate);
  }
  InFlight request;
  request.kind = InFlight::Kind::kPart;
  request.taker = this;
  request.place = kWatchPart;
  request.slot = slot_;
  request.lane = lane_;
  request.is_raw = true;
  watch_->SwitchTo(lane_);
  watch_->ExpectAnswer();
  watch_->Connection().Send(bytes_, request);
}

void WatchRun::OnReply(std::size_t part, std::string_view reply) {
  if (part == kTicketPart) return Finish(reply);
  watch_->NoteAnswer();
  if (!reply.starts_with('-')) return FinishWatching();
  Refused(reply);
}

void WatchRun::Refused(std::string_view reply) {
  ReplyVerdict verdict = JudgeErrorReply(reply);
  if (verdict == ReplyVerdict::kForClient) {
    if (had_watch_) session_.OwnTransaction().watch = std::move(watch_);
    return Finish(reply);
  }
  runtime::SocketAddress asked = watch_->Connection().Address();
  services_.dispatcher.LearnRedirect(asked, reply);
  if (had_watch_) {
    watch_->Break();
    return FinishWatching();
  }
  watch_.reset();
  auto owner = services_.dispatcher.OwnerOf(slot_);
  bool has_moved = verdict == ReplyVerdict::kMoved && owner && *owner != asked;
  if (has_moved && ++tries_ <= services_.settings.retry.redirects_max) return Send();
  if (tries_ < 255) ++tries_;
  bool is_redirect = verdict == ReplyVerdict::kMoved || verdict == ReplyVerdict::kAsk;
  Wait(is_redirect ? protocol::error_text::kTryAgain : protocol::ErrorTextOf(reply));
}

void WatchRun::OnLost(std::size_t, bool) {
  if (had_watch_) {
    watch_->Break();
    return FinishWatching();
  }
  watch_.reset();
  Wait(trouble_text::kUnreachable);
}

void WatchRun::Wait(std::string_view error) {
  std::uint64_t delay_ms = tries_ == 0 ? 0 : services_.dispatcher.BackoffMs(tries_);
  services_.dispatcher.Await(slot_, lane_, *this, kTicketPart, error, delay_ms, waiting_since_ms_);
}

void WatchRun::FinishWatching() {
  if (!session_.IsGone()) session_.OwnTransaction().watch = std::move(watch_);
  Finish("+OK\r\n");  // wire: a constant reply
}

void WatchRun::FinishWithError(std::string_view text) {
  std::string reply;
  protocol::StringSink sink{reply};
  protocol::RespWriter<protocol::StringSink>(sink, lane_.Version()).Error(text);
  watch_.reset();
  Finish(reply);
}

void WatchRun::Finish(std::string_view reply) {
  Queue().Deliver(Sequence(), reply);
  delete this;
}

}  // namespace slotway::proxy
