// SPDX-License-Identifier: Apache-2.0
// How a session ends because its proxy does: so that no request and no answer of it is lost.
#include "proxy/client/client_session.h"
#include "proxy/client/tracking.h"
#include "proxy/client/transaction.h"
#include "proxy/reply/blocked_call.h"

namespace slotway::proxy {
namespace {

// What is not answered entirely waits for the rest up to this size.
constexpr std::size_t kKeptOutputBytes = 16 * 1024;

// What goes before what a client wants: a login, its settings, whether the connection lives.
// Clients do not look whether the connection has ended between that and the next request.
bool IsPreliminary(protocol::CommandId command) {
  if (command == kNoCommand || protocol::IsLearned(command)) return false;
  return protocol::CommandById(command).categories.Has(protocol::AclCategory::kConnection);
}

}  // namespace

// Who was asking lately goes behind its next answer (IsFlushForFarewell()), the others now. At the
// last call everybody goes who has nothing on its way.
void ClientSession::TakeLeave(bool is_last_call) {
  if (is_closing_ || connection_ == nullptr) return;
  const std::uint64_t now_ms = services_.loop.NowMs();
  farewell_.Begin(now_ms);
  BlockedCall* blocked = replies_.Blocked();
  if (is_last_call && blocked != nullptr && blocked->HasDeadline()) {
    // As if that had come already; the shard decides whether something else has come before.
    if (farewell_.MayCallOff(now_ms)) blocked->Unblock(false, [](bool) {});
    return;
  }
  // What its user's rates hold back would take its time, and what waits for ever may never come.
  const bool is_held_up = waits_for_pace_ || (pace_.IsOn() && connection_->IsPaused()) ||
                          (blocked != nullptr && !blocked->HasDeadline());
  const bool is_given_up =
      is_held_up && (is_last_call || now_ms - farewell_.BegunAtMs() >= Farewell::kAskingMs);
  const bool is_at_rest = replies_.Outstanding() == 0 && connection_->UnwrittenBytes() == 0 &&
                          !connection_->IsPaused() && transaction_ == nullptr &&
                          now_ms - state_.last_request_at_ms >= Farewell::kAskingMs;
  const bool goes = is_given_up || (is_last_call && is_postponed_) ||
                    ((is_last_call || is_at_rest) && !connection_->HasUntakenInput());
  if (goes) CloseWhenAnswered();
}

// Not in the middle of what a client does as one, nor while it sets its connection up.
bool ClientSession::MayGoBehindAnswer() const {
  return transaction_ == nullptr && replies_.Blocked() == nullptr && !replies_.HasHeldBack() &&
         !waits_for_pace_ && !is_postponed_ && state_.is_authenticated &&
         !IsPreliminary(state_.last_command) && connection_->UnwrittenBytes() > 0;
}

bool ClientSession::IsFlushForFarewell() {
  const bool is_all = replies_.Outstanding() == 0;
  Farewell::Step step = Farewell::Step::kSend;
  if (MayGoBehindAnswer() && (is_all || connection_->UnwrittenBytes() < kKeptOutputBytes)) {
    const bool is_quiet = is_all && !connection_->IsPaused() && !connection_->HasUntakenInput();
    const bool pipelines = burst_at_first_ > 1 || replies_.Answered() - answered_before_burst_ > 1;
    step =
        farewell_.AtOutput(services_.loop.NowMs(), state_.last_request_at_ms, is_quiet, pipelines);
  }
  switch (step) {
    case Farewell::Step::kKeep:
      return false;
    case Farewell::Step::kGo:
      CloseWhenAnswered();
      break;
    case Farewell::Step::kSend:
      farewell_.SendNow();
      break;
  }
  held_output_.End();
  return true;
}

}  // namespace slotway::proxy
