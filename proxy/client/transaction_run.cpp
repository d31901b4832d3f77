// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/transaction_run.h"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/error_reply.h"
#include "protocol/error_text.h"
#include "protocol/resp_array.h"
#include "proxy/client/client_session.h"
#include "proxy/client/queued_rights.h"
#include "proxy/client/tracking.h"
#include "proxy/routing/script_request.h"
#include "proxy/routing/trouble_texts.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";    // wire: a constant request
constexpr std::string_view kExec = "*1\r\n$4\r\nEXEC\r\n";      // wire: a constant request
constexpr std::string_view kAsking = "*1\r\n$6\r\nASKING\r\n";  // wire: a constant request

protocol::Slot AnySlot(const Dispatcher& dispatcher) {
  const auto& slots = dispatcher.SlotOfEachMaster();
  return slots.empty() ? protocol::Slot{0} : slots.front();
}

std::string SelectBytes(std::uint16_t database) {
  std::string number = std::to_string(database), bytes;
  protocol::StringSink sink{bytes};
  const std::array<std::string_view, 2> args = {"SELECT", number};
  protocol::WriteRequest(sink, std::span<const std::string_view>(args));
  return bytes;
}

std::string WriteReply(protocol::RespVersion version, auto write) {
  std::string reply;
  protocol::StringSink sink{reply};
  protocol::RespWriter<protocol::StringSink> writer(sink, version);
  write(writer);
  return reply;
}

}  // namespace

void TransactionRun::Start(ClientSession& session, std::unique_ptr<Transaction> transaction) {
  auto* run = new TransactionRun(session, std::move(transaction));  // ends itself
  if (run->Queued().IsToBeChecked()) RefuseWhatIsDenied(session, run->transaction_->queue);
  if (run->Queued().BeginsOutside() && run->Queued().HasInside()) {
    run->RunOutside();
  } else {
    run->SendInside();
  }
}

TransactionRun::TransactionRun(ClientSession& session, std::unique_ptr<Transaction> transaction)
    : ReplyTaker(session.Replies(), session.OpenPlace()),
      session_(session),
      services_(session.RoutingServices()),
      transaction_(std::move(transaction)),
      lane_(Lane(session.State().resp, session.State().database)
                .WithSlow(Queued().IsSlow())
                .WithAcks(session.State().acks)),
      slot_(Queued().KeySlot().value_or(AnySlot(services_.dispatcher))),
      nested_(session, [this] {
        outside_replies_.push_back(nested_.TakeReply());
        ++next_outside_;
        RunOutside();
      }) {
  ReplyTaker::Queue().AddHeldBack();
  session_.State().is_executing = true;
}

TransactionRun::~TransactionRun() {
  session_.State().is_executing = false;
  ReplyTaker::Queue().RemoveHeldBack();
}

// Before the rest: what stands before the first command that runs inside. Behind it: all others.
void TransactionRun::RunOutside() {
  const auto& commands = Queued().Commands();
  for (; next_outside_ < commands.size(); ++next_outside_) {
    const TransactionQueue::Command& command = commands[next_outside_];
    if (command.is_inside && !is_inside_over_) return SendInside();
    if (!command.is_outside) continue;
    if (session_.IsGone()) return Finish({});
    if (const std::string* refusal = Queued().RefusalOf(next_outside_)) {
      outside_replies_.push_back(*refusal);
      continue;
    }
    if (!nested_.Perform(Queued().BytesOf(command), *command.spec, command.id)) return;
    outside_replies_.push_back(nested_.TakeReply());
  }
  Compose();
}

void TransactionRun::SendInside() {
  if (Watched() != nullptr) {
    if (Watched()->IsBroken()) return FinishUntouched();
    Watched()->SwitchTo(lane_);
    Watched()->ExpectAnswer();
    return SendOn(Watched()->Connection(), false);
  }
  if (!Queued().HasInside()) {
    is_inside_over_ = true;
    return RunOutside();
  }
  BackendConnection* connection = services_.dispatcher.ReadyConnection(slot_, lane_);
  if (connection == nullptr) return Wait(trouble_text::kUnreachable);
  SendOn(*connection, false);
}

void TransactionRun::SendOn(BackendConnection& connection, bool is_asking) {
  verdict_.Reset();
  sent_to_ = connection.Address();
  ScriptMemory& scripts = services_.dispatcher.Scripts();
  for (const std::string& digest : Queued().Digests()) {
    ScriptLoader::LoadAgain(scripts, connection, digest);
  }
  if (!Queued().IsReadonly()) Queue().NoteWrite(slot_);
  if (is_asking) connection.Send(kAsking, InFlight::Dropped());
  std::size_t part = 0;
  SendPart(connection, kMulti, part++);
  for (const TransactionQueue::Command& command : Queued().Commands()) {
    if (command.is_inside) SendPart(connection, Queued().BytesOf(command), part++);
  }
  if (Queued().ChangesDatabase()) SendPart(connection, SelectBytes(lane_.Database()), part++);
  SendPart(connection, kExec, part);
}

void TransactionRun::SendPart(BackendConnection& connection, std::string_view bytes,
                              std::size_t part) {
  InFlight request;
  request.kind = InFlight::Kind::kPart;
  request.taker = this;
  request.place = static_cast<std::uint32_t>(part);
  request.slot = slot_;
  request.lane = lane_;
  request.is_raw = true;
  request.is_readonly = Queued().IsReadonly();
  connection.Send(bytes, request);
}

void TransactionRun::OnReply(std::size_t part, std::string_view reply) {
  if (part == 0) return verdict_.NoteMulti(reply);
  if (part < ExecPart()) return verdict_.NoteQueued(reply);
  if (part > ExecPart()) return FinishWithError(ExecAbortText(protocol::ErrorTextOf(reply)));
  if (Watched() != nullptr) {
    Watched()->NoteAnswer();
    Watched()->NoteForgotten();
  }
  ReplyVerdict verdict = verdict_.Judge(reply);
  if (!verdict_.Refusal().empty()) return FinishWithError(ExecAbortText(verdict_.Refusal()));
  if (verdict == ReplyVerdict::kForClient) return TakeResult(reply);
  if (Watched() != nullptr) {
    services_.dispatcher.LearnRedirect(sent_to_, verdict_.Reason());
    return FinishUntouched();
  }
  Retry(verdict, verdict_.Reason());
}

void TransactionRun::OnLost(std::size_t part, bool may_have_run) {
  if (part != ExecPart()) return;
  if (may_have_run && !Queued().IsReadonly()) return FinishWithError(trouble_text::kOutcomeUnknown);
  if (Watched() != nullptr) return FinishUntouched();
  Wait(trouble_text::kUnreachable);
}

void TransactionRun::Retry(ReplyVerdict verdict, std::string_view error_reply) {
  Dispatcher& dispatcher = services_.dispatcher;
  bool is_redirect = verdict == ReplyVerdict::kMoved || verdict == ReplyVerdict::kAsk;
  if (is_redirect && ++redirects_ > services_.settings.retry.redirects_max) {
    return FinishWithError(ExecAbortText(trouble_text::kTooManyRedirects));
  }
  if (verdict == ReplyVerdict::kMoved) {
    dispatcher.LearnRedirect(sent_to_, error_reply);
    auto owner = dispatcher.OwnerOf(slot_);
    if (owner && *owner != sent_to_) return SendInside();
  }
  if (verdict == ReplyVerdict::kAsk) {
    BackendConnection* target = dispatcher.ReadyConnectionAlong(sent_to_, error_reply, lane_);
    if (target != nullptr) return SendOn(*target, true);
  }
  tries_ = std::min(tries_ + 1, 255u);
  Wait(is_redirect ? protocol::error_text::kTryAgain : protocol::ErrorTextOf(error_reply));
}

void TransactionRun::Wait(std::string_view error) {
  std::uint64_t delay_ms =
      tries_ == 0 ? 0 : services_.dispatcher.BackoffMs(static_cast<std::uint8_t>(tries_));
  services_.dispatcher.Await(slot_, lane_, *this, ExecPart() + 1, error, delay_ms,
                             waiting_since_ms_);
}

void TransactionRun::RememberScripts(std::string_view reply) {
  std::vector<std::string_view> elements;
  if (Queued().Scripts().empty() || !protocol::SplitArray(reply, elements)) return;
  for (const TransactionQueue::Script& script : Queued().Scripts()) {
    if (script.inside >= elements.size() || IsScriptRefusal(elements[script.inside])) continue;
    services_.dispatcher.Scripts().Remember(script.text);
  }
}

void TransactionRun::TakeResult(std::string_view reply) {
  RememberScripts(reply);
  const auto& commands = Queued().Commands();
  bool is_whole = std::none_of(commands.begin(), commands.end(),
                               [](const auto& command) { return command.is_outside; });
  std::vector<std::string_view> elements;
  if (is_whole || !protocol::SplitArray(reply, elements)) return Finish(reply);
  result_ = reply;
  is_inside_over_ = true;
  RunOutside();
}

void TransactionRun::Compose() {
  std::vector<std::string_view> inside;
  bool is_sound = result_.empty() || protocol::SplitArray(result_, inside);
  if (!is_sound || (!result_.empty() && inside.size() != Inside())) {
    return FinishWithError("ERR The shard's answer to EXEC is none");
  }
  std::string reply;
  protocol::AppendArrayHeader(Queued().Commands().size(), reply);
  std::size_t next_inside = 0, next_outside = 0;
  for (const TransactionQueue::Command& command : Queued().Commands()) {
    std::string_view outside;
    if (command.is_outside) outside = outside_replies_[next_outside++];
    reply += command.is_inside ? inside[next_inside++] : outside;
  }
  Finish(reply);
}

void TransactionRun::FinishUntouched() {
  Finish(WriteReply(lane_.Version(), [](auto& writer) { writer.NullArray(); }));
}

void TransactionRun::FinishWithError(std::string_view text) {
  Finish(WriteReply(lane_.Version(), [&](auto& writer) { writer.Error(text); }));
}

bool TransactionRun::HasRead() const {
  const auto& commands = Queued().Commands();
  return std::any_of(commands.begin(), commands.end(), [this](const auto& command) {
    bool may_be_script =
        !protocol::IsLearned(command.id) && !protocol::CommandById(command.id).IsWrite();
    return command.is_inside &&
           (services_.router.PlanOf(command.id).is_readonly || may_be_script);
  });
}

// What a tracked client reads on its watch's connection no shard remembers for it: it may not keep
// that. To be called behind the reply.
void TransactionRun::DisclaimReads() {
  Tracking* tracking = session_.OwnTracking();
  bool is_remembered = tracking != nullptr && &tracking->Services() == &services_ &&
                       !tracking->Options().is_bcast;
  if (is_remembered && Watched() != nullptr && HasRead()) tracking->TellFlush();
}

void TransactionRun::Finish(std::string_view reply) {
  ReplyTaker::Queue().Deliver(Sequence(), reply);
  DisclaimReads();
  delete this;
}

}  // namespace slotway::proxy
