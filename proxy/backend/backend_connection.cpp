// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/backend_connection.h"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>
#include <vector>

#include "protocol/resp_array.h"
#include "protocol/resp_reply_value.h"

namespace slotway::proxy {
namespace {

// An incomplete reply larger than this goes to its client as it comes, if it is the one due.
constexpr std::size_t kPassOnBytes = 64 * 1024;

// A burst's larger ring goes back when the connection is idle.
constexpr std::size_t kCapacityKept = 1024;

// Whether the answer to ROLE is a replica's that has its master's data. One that was restarted is
// empty at first, whatever was known of it before.
bool IsReplicaInStep(std::string_view reply) {
  auto role = protocol::ParseRespValue(reply);
  return role && role->elements.size() >= 4 && role->elements[0].text == "slave" &&
         role->elements[3].text == "connected";
}

}  // namespace

BackendConnection::BackendConnection(runtime::EventLoop& loop,
                                     const runtime::SocketAddress& address,
                                     const BackendGreeting& greeting, Lane lane, Events& events,
                                     Opening opening)
    : loop_(loop), address_(address), greeting_(greeting), lane_(lane), events_(events) {
  connection_ = runtime::Connection::Unconnected(loop, runtime::FlushStage::kUpstream, *this);
  connection_->KeepWritten();
  SendHandshake();
  if (opening == Opening::kNow) Open();
}

void BackendConnection::Open() {
  last_progress_ms_ = loop_.NowMs();
  if (auto tls = greeting_.login.tls.StreamTo(address_)) connection_->Secure(std::move(tls));
  connection_->BeginToConnect(address_, greeting_.login.connect_timeout_ms);
}

BackendConnection::~BackendConnection() = default;

// The shard may know the password of before only: a refused AUTH changes nothing, so one of the two has
// to be right.
void BackendConnection::SendLogin() {
  const BackendLogin& login = greeting_.login;
  const bool has_password = !login.password.empty();
  const bool has_former = has_password && !login.previous_password.empty();
  const bool is_resp3 = lane_.Version() == protocol::RespVersion::kResp3;
  if (has_former) {
    SendControl(Control::kFormerLogin, AuthWords(login, login.previous_password));
  }
  if (has_password && (!is_resp3 || has_former)) {
    SendControl(Control::kLogin, AuthWords(login, login.password));
  } else if (has_password) {
    const std::string_view user =
        login.username.empty() ? "default" : std::string_view(login.username);
    SendControl(Control::kLogin, {"HELLO", "3", "AUTH", user, login.password});
  }
  if (is_resp3 && (!has_password || has_former)) SendControl(Control::kVersion, {"HELLO", "3"});
}

void BackendConnection::SendHandshake() {
  SendLogin();
  SendControl(Control::kName, {"CLIENT", "SETNAME", greeting_.name});
  if (lane_.IsReadonly()) {
    SendControl(Control::kReadonly, {"READONLY"});
    SendControl(Control::kRole, {"ROLE"});
  }
  if (lane_.IsNoTouch()) SendControl(Control::kNoTouch, {"CLIENT", "NO-TOUCH", "ON"});
  if (const std::uint16_t acks = lane_.Acks(); acks != 0) {
    SendControl(Control::kAcks, {"CLIENT", "ACK-REPLICAS",
                                 acks == Lane::kAckMajority ? "majority" : std::to_string(acks)});
  }
  if (lane_.Database() != 0) {
    SendControl(Control::kDatabase, {"SELECT", std::to_string(lane_.Database())});
  }
  if (greeting_.wants_id) SendControl(Control::kId, {"CLIENT", "ID"});
  for (const auto& request : greeting_.more) {
    std::vector<std::string_view> args(request.begin(), request.end());
    SendControl(Control::kMore, args);
  }
}

void BackendConnection::SendControl(Control control, std::initializer_list<std::string_view> args) {
  SendControl(control, std::span(args.begin(), args.size()));
}

void BackendConnection::SendControl(Control control, std::span<const std::string_view> args) {
  auto& output = connection_->Output();
  auto begin = output.End();
  QueueSink sink{output};
  protocol::WriteRequest(sink, args);
  InFlight request;
  request.kind = InFlight::Kind::kControl;
  request.place = static_cast<std::uint32_t>(control);
  request.bytes = static_cast<std::uint32_t>(output.End() - begin);
  meter_.Asked();
  in_flight_.PushBack(request);
  if (control != Control::kProbe) ++handshake_replies_left_;
  connection_->MarkForFlush();
}

void BackendConnection::SendAsking(std::string_view bytes, const InFlight& request) {
  // wire: a constant request, written once per redirect.
  Send("*1\r\n$6\r\nASKING\r\n", InFlight::Dropped());
  Send(bytes, request);
}

// HELLO without arguments changes nothing and needs no permission; it is answered while a shard
// loads its data or runs a script.
void BackendConnection::SendFenced(std::string_view bytes) {
  // wire: a constant request.
  constexpr std::string_view kFence = "*1\r\n$5\r\nHELLO\r\n";
  std::string both(bytes);
  both += kFence;
  InFlight request;
  request.kind = InFlight::Kind::kFenced;
  Send(both, request);
  meter_.Asked();
}

std::string BackendConnection::FrontRequest() const {
  std::string bytes;
  connection_->Output().CopyTo(front_position_, in_flight_[0].bytes, bytes);
  return bytes;
}

std::size_t BackendConnection::OnBytes(std::string_view input) {
  if (state_ == State::kDown) return input.size();
  if (state_ == State::kDoubted) BeTrusted();
  last_progress_ms_ = loop_.NowMs();
  if (meter_.IsAttached()) meter_.BeginReplies();
  std::size_t taken = HandleReplies(input);
  if (meter_.IsAttached()) {
    meter_.EndReplies();
    meter_.Node().received_bytes.Add(taken);
  }
  if (state_ != State::kDown) ReleaseAnswered();
  return taken;
}

// Told later, so that what is sent then stands behind the replies that have come.
void BackendConnection::BeTrusted() {
  state_ = State::kReady;
  loop_.Defer([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired() && state_ == State::kReady) events_.OnTrusted(*this);
  });
}

inline void BackendConnection::Measure(std::string_view reply, std::size_t reply_bytes) {
  if (!meter_.IsAttached()) return;
  const InFlight& request = in_flight_.Front();
  const protocol::FamilyId family = protocol::FamilyOf(request.command);
  bool is_noted;
  if (request.held_since_ms == 0) [[likely]] {
    is_noted = meter_.Answered(family, request.bytes, reply_bytes);
  } else {
    constexpr std::uint64_t kUsPerMs = 1000;
    const auto now_ms = static_cast<std::uint32_t>(loop_.NowMs());
    is_noted = meter_.AnsweredLate(family, (now_ms - request.held_since_ms) * kUsPerMs);
  }
  if (is_noted) [[unlikely]] Note(reply, reply_bytes);
}

// The front request is done with.
inline void BackendConnection::PopAnswered() {
  front_position_ += in_flight_.Front().bytes;
  meter_.Pass();
  in_flight_.PopFront();
}

// What nearly every reply is: one that goes to its client as it is. False if it is not.
inline bool BackendConnection::HandlePlainReply(std::string_view reply) {
  if (in_flight_.Empty() || is_passing_on_) return false;
  const InFlight& request = in_flight_.Front();
  const bool is_plain =
      request.kind == InFlight::Kind::kReply && !request.is_held_back && reply[0] != '-';
  if (!is_plain) return false;
  request.queue->Deliver(request.place, reply);
  Measure(reply, reply.size());
  PopAnswered();
  return true;
}

std::size_t BackendConnection::HandleReplies(std::string_view input) {
  std::size_t taken = 0;
  while (taken < input.size() && !connection_->IsPaused()) {
    std::string_view rest = input.substr(taken);
    auto status = scanner_.Scan(rest);
    if (status == protocol::RespReplyScanner::Status::kIncomplete) {
      taken += PassOnPieces(rest);
      break;
    }
    const std::string_view reply = rest.substr(0, scanner_.Consumed());
    bool is_push = status == protocol::RespReplyScanner::Status::kReply && scanner_.Type() == '>';
    if (status == protocol::RespReplyScanner::Status::kMalformed ||
        (in_flight_.Empty() && !is_push)) {
      OnClosed("the shard sent something that is not a reply");
      return taken;
    }
    if (is_push) {
      events_.OnPush(*this, reply);
    } else if (!HandlePlainReply(reply)) {
      HandleReply(reply);
    }
    if (state_ == State::kDown) return taken;
    taken += reply.size();
  }
  return taken;
}

void BackendConnection::OnDrained() {
  if (meter_.IsAttached()) {
    meter_.Sent();
    meter_.Node().sent_bytes.Add(connection_->Written() - counted_output_);
    counted_output_ = connection_->Written();
  }
  batch_ends_ = {batch_ends_[1], connection_->Written()};
  has_enough_sent_ = front_position_ < batch_ends_[0];
}

// A shard may refuse a request before it has read all of it: what is not written yet stays.
void BackendConnection::ReleaseAnswered() {
  connection_->Output().ReleaseTo(std::min(front_position_, connection_->Written()));
  if (has_enough_sent_ && front_position_ >= batch_ends_[0]) {
    has_enough_sent_ = false;
    if (UnsentBytes() > 0) connection_->MarkForFlush();
  }
}

void BackendConnection::HandleReply(std::string_view reply) {
  InFlight& request = in_flight_.Front();
  if (is_passing_on_) {
    is_passing_on_ = false;
    Measure(reply, std::exchange(passed_on_bytes_, 0) + reply.size());
    request.queue->DeliverPiece(request.place, reply);
    if (request.is_awaited) events_.OnAwaitedReply(*this, request);
    if (request.is_held_back) request.queue->RemoveHeldBack();
    request.queue->Finish(request.place);
  } else if (request.kind == InFlight::Kind::kControl) {
    HandleControlReply(static_cast<Control>(request.place), reply);
    if (state_ == State::kDown) return;
  } else if (request.kind == InFlight::Kind::kFenced) {
    if (reply[0] == '-') {
      events_.OnErrorReply(*this, request, reply);
      return;  // the fence is still to come
    }
    events_.OnFence(*this);
    if (state_ == State::kDown) return;
    meter_.Pass();  // two requests
  } else if (request.kind != InFlight::Kind::kSwallow) {
    if (reply[0] == '-' && meter_.IsAttached()) meter_.Node().error_replies.Add();
    bool is_taken_over =
        reply[0] == '-' && !request.is_raw && events_.OnErrorReply(*this, request, reply);
    if (state_ == State::kDown) return;
    if (!is_taken_over && in_flight_.Front().is_awaited) {
      is_taken_over = events_.OnAwaitedReply(*this, in_flight_.Front());
      if (state_ == State::kDown) return;
    }
    if (!is_taken_over) {
      Measure(reply, reply.size());
      Answer(in_flight_.Front(), reply);
    }
    if (state_ == State::kDown) return;  // a taker has ended it
  }
  PopAnswered();
}

void BackendConnection::Note(std::string_view reply, std::size_t reply_bytes) {
  // Of a large request the beginning has to do.
  constexpr std::size_t kRequestBytesMax = 64 * 1024;
  const InFlight& request = in_flight_.Front();
  std::string bytes;
  connection_->Output().CopyTo(
      front_position_, std::min<std::size_t>(request.bytes, kRequestBytesMax), bytes);
  Exchange exchange;
  exchange.command = request.command;
  exchange.request = bytes;
  exchange.request_bytes = request.bytes;
  exchange.reply = reply;
  exchange.reply_bytes = reply_bytes;
  exchange.node = meter_.Node().address;
  exchange.connection = greeting_.name;
  exchange.ordinal = meter_.Ordinal();
  exchange.times = meter_.Times();
  exchange.client = request.Client().Describe();
  exchange.is_sampled = meter_.IsDrawn();
  meter_.Worker().Note(exchange);
}

// A user who may not name its connection may still use it, and only a cluster knows READONLY.
// Anything else means that requests would fare no better: a wrong password, too many clients.
void BackendConnection::HandleControlReply(Control control, std::string_view reply) {
  if (control == Control::kProbe) return;
  bool is_error = reply[0] == '-';
  if (control == Control::kFormerLogin) is_in_by_former_ = !is_error;
  // Who asked for NO-TOUCH was told so because all masters knew it then.
  bool may_fail = control == Control::kFormerLogin ||
                  (control == Control::kLogin && is_in_by_former_) ||
                  control == Control::kReadonly || control == Control::kId ||
                  control == Control::kNoTouch ||
                  (control == Control::kName && reply.starts_with("-NOPERM "));
  if (is_error && !may_fail) {
    std::string reason = "login refused: ";
    reason += reply.substr(1, reply.size() - 3);
    OnClosed(reason);
    return;
  }
  if (control == Control::kRole && !IsReplicaInStep(reply)) {
    OnClosed("the replica is not in step with its master");
    return;
  }
  if (control == Control::kId) remote_id_ = protocol::ParseIntegerReply(reply).value_or(0);
  if (--handshake_replies_left_ > 0) return;
  state_ = State::kReady;
  was_ready_ = true;
  // Later, so that what is sent then stands behind this reply's own place in the log.
  loop_.Defer([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired() && state_ == State::kReady) events_.OnReady(*this);
  });
}

std::size_t BackendConnection::PassOnPieces(std::string_view input) {
  std::size_t scanned = scanner_.Scanned();
  if (scanned < kPassOnBytes && !is_passing_on_) return 0;
  if (in_flight_.Empty()) return 0;
  InFlight& request = in_flight_.Front();
  if (request.kind != InFlight::Kind::kReply || !request.queue->IsDue(request.place) ||
      scanner_.Type() == '-' || scanner_.Type() == '>') {
    return 0;
  }
  is_passing_on_ = true;
  passed_on_bytes_ += scanned;
  request.queue->DeliverPiece(request.place, input.substr(0, scanned));
  scanner_.Drop();
  return scanned;
}

bool BackendConnection::FailIfStalled(std::uint64_t timeout_ms) {
  if (in_flight_.Empty() || timeout_ms == 0) return false;
  if (loop_.NowMs() - last_progress_ms_ <= timeout_ms) return false;
  OnClosed("the shard did not answer in time");
  return true;
}

void BackendConnection::CareIfIdle(std::uint64_t probe_interval_ms) {
  if (!in_flight_.Empty() || !IsReady()) return;
  if (in_flight_.Capacity() > kCapacityKept) in_flight_.Shrink();
  if (probe_interval_ms == 0 || loop_.NowMs() - last_progress_ms_ < probe_interval_ms) return;
  last_progress_ms_ = loop_.NowMs();
  SendControl(Control::kProbe, {"PING"});
}

// A read may be sent again, but not when a write that the same client sent behind it to the same
// slot may have run: the read would see it.
void BackendConnection::ForbidReadsBehindWrites(runtime::ByteQueue::Position possibly_sent) {
  auto position = front_position_;
  std::size_t sent = 0;
  while (sent < in_flight_.Size() && position + in_flight_[sent].bytes <= possibly_sent) {
    position += in_flight_[sent++].bytes;
  }
  std::set<std::pair<const ReplyQueue*, protocol::Slot>> written;
  for (std::size_t i = sent; i-- > 0;) {
    InFlight& request = in_flight_[i];
    if (!request.HasClient()) continue;
    std::pair<const ReplyQueue*, protocol::Slot> whose{&request.Client(), request.slot};
    if (!request.is_readonly) {
      written.insert(whose);
    } else if (written.contains(whose)) {
      request.is_readonly = false;
    }
  }
}

void BackendConnection::OnClosed(std::string_view reason) {
  if (state_ == State::kDown) return;
  state_ = State::kDown;
  std::string reason_copy(reason);
  auto position = front_position_;
  auto possibly_sent = connection_->PossiblyWritten();
  // What is found unsent now must stay so.
  connection_->Abandon();
  ForbidReadsBehindWrites(possibly_sent);
  // Two steps: whoever is told may send to other connections, never to this one.
  for (; !in_flight_.Empty(); in_flight_.PopFront()) {
    InFlight request = in_flight_.Front();
    auto end = position + request.bytes;
    if (request.kind == InFlight::Kind::kReply && is_passing_on_) {
      is_passing_on_ = false;
      if (request.is_awaited) events_.OnAwaitedReply(*this, request);
      if (request.is_held_back) request.queue->RemoveHeldBack();
      request.queue->BreakOff();
    } else if (request.is_raw) {
      if (request.is_held_back) request.Client().RemoveHeldBack();
      request.taker->OnLost(request.place, end <= possibly_sent);
    } else if (request.HasClient()) {
      std::string bytes;
      connection_->Output().CopyTo(position, request.bytes, bytes);
      events_.OnLost(request, std::move(bytes), end <= possibly_sent);
    }
    position = end;
  }
  events_.OnDown(*this, reason_copy);
}

}  // namespace slotway::proxy
