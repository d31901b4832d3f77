// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/backend_connection.h"

#include <algorithm>
#include <cassert>
#include <vector>

namespace slotway::proxy {
namespace {

// An incomplete reply larger than this goes to its client as it comes, if it is the one due.
constexpr std::size_t kPassOnBytes = 64 * 1024;

struct QueueSink {
  runtime::ByteQueue& queue;
  void Append(std::string_view bytes) { queue.Append(bytes); }
};

}  // namespace

BackendConnection::BackendConnection(runtime::EventLoop& loop,
                                     const runtime::SocketAddress& address,
                                     const BackendLogin& login, protocol::RespVersion version,
                                     Events& events)
    : loop_(loop), address_(address), login_(login), version_(version), events_(events) {
  connection_ = runtime::Connection::Connect(loop, address, login.connect_timeout_ms,
                                             runtime::FlushStage::kUpstream, *this);
  connection_->KeepWritten();
  last_progress_ms_ = loop.NowMs();
  SendHandshake();
}

BackendConnection::~BackendConnection() = default;

void BackendConnection::SendHandshake() {
  bool has_password = !login_.password.empty();
  std::string_view user = login_.username.empty() ? "default" : std::string_view(login_.username);
  if (version_ == protocol::RespVersion::kResp3) {
    if (has_password) {
      SendControl({"HELLO", "3", "AUTH", user, login_.password});
    } else {
      SendControl({"HELLO", "3"});
    }
  } else if (has_password && login_.username.empty()) {
    SendControl({"AUTH", login_.password});
  } else if (has_password) {
    SendControl({"AUTH", user, login_.password});
  }
  SendControl({"CLIENT", "SETNAME", "slotway"});
}

void BackendConnection::SendControl(std::initializer_list<std::string_view> args) {
  auto& output = connection_->Output();
  auto begin = output.End();
  QueueSink sink{output};
  protocol::WriteRequest(sink, std::span(args.begin(), args.size()));
  InFlight request;
  request.kind = InFlight::Kind::kControl;
  request.bytes = static_cast<std::uint32_t>(output.End() - begin);
  in_flight_.PushBack(request);
  ++handshake_replies_left_;
  connection_->MarkForFlush();
}

void BackendConnection::SendAsking(std::string_view bytes, InFlight request) {
  InFlight asking;
  asking.kind = InFlight::Kind::kSwallow;
  Send("*1\r\n$6\r\nASKING\r\n", asking);
  Send(bytes, request);
}

std::string BackendConnection::FrontRequest() const {
  std::string bytes;
  connection_->Output().CopyTo(front_position_, in_flight_[0].bytes, bytes);
  return bytes;
}

std::size_t BackendConnection::OnBytes(std::string_view input) {
  last_progress_ms_ = loop_.NowMs();
  std::size_t taken = 0;
  while (taken < input.size()) {
    std::string_view rest = input.substr(taken);
    auto status = scanner_.Scan(rest);
    if (status == protocol::RespReplyScanner::Status::kIncomplete) {
      taken += PassOnPieces(rest);
      break;
    }
    bool is_push = status == protocol::RespReplyScanner::Status::kReply && scanner_.Type() == '>';
    if (status == protocol::RespReplyScanner::Status::kMalformed ||
        (in_flight_.Empty() && !is_push)) {
      OnClosed("the shard sent something that is not a reply");
      return taken;
    }
    std::size_t length = scanner_.Consumed();
    if (!is_push) HandleReply(rest.substr(0, length));
    if (state_ == State::kDown) return taken;
    taken += length;
  }
  connection_->Output().ReleaseTo(front_position_);
  return taken;
}

void BackendConnection::HandleReply(std::string_view reply) {
  InFlight& request = in_flight_.Front();
  if (request.kind == InFlight::Kind::kReply && reply[0] != '-' && !request.is_held_back &&
      !is_passing_on_) [[likely]] {
    request.queue->Deliver(request.place, reply);
  } else if (is_passing_on_) {
    is_passing_on_ = false;
    request.queue->DeliverPiece(request.place, reply);
    if (request.is_held_back) request.queue->RemoveHeldBack();
    request.queue->Finish(request.place);
  } else if (request.kind == InFlight::Kind::kControl) {
    HandleControlReply(reply);
    if (state_ == State::kDown) return;
  } else if (request.kind != InFlight::Kind::kSwallow) {
    bool is_taken_over = reply[0] == '-' && events_.OnErrorReply(*this, request, reply);
    if (state_ == State::kDown) return;
    if (!is_taken_over) Answer(in_flight_.Front(), reply);
  }
  front_position_ += in_flight_.Front().bytes;
  in_flight_.PopFront();
}

void BackendConnection::HandleControlReply(std::string_view reply) {
  // Only the first can fail for a reason that matters: a login that is refused.
  bool is_login = version_ == protocol::RespVersion::kResp3 || !login_.password.empty();
  bool is_first = handshake_replies_left_ == static_cast<int>(is_login) + 1;
  if (is_login && is_first && reply[0] == '-') {
    std::string reason = "login refused: ";
    reason += reply.substr(1, reply.size() - 3);
    OnClosed(reason);
    return;
  }
  if (--handshake_replies_left_ > 0) return;
  state_ = State::kReady;
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
  request.queue->DeliverPiece(request.place, input.substr(0, scanned));
  scanner_.Drop();
  return scanned;
}

void BackendConnection::FailIfStalled(std::uint64_t timeout_ms) {
  if (in_flight_.Empty() || timeout_ms == 0) return;
  if (loop_.NowMs() - last_progress_ms_ > timeout_ms) OnClosed("the shard did not answer in time");
}

void BackendConnection::OnClosed(std::string_view reason) {
  if (state_ == State::kDown) return;
  state_ = State::kDown;
  std::string reason_copy(reason);
  auto position = front_position_;
  auto possibly_sent = connection_->PossiblyWritten();
  // Two steps: whoever is told may send to other connections, never to this one.
  for (; !in_flight_.Empty(); in_flight_.PopFront()) {
    InFlight request = in_flight_.Front();
    auto end = position + request.bytes;
    if (request.kind == InFlight::Kind::kReply && is_passing_on_) {
      is_passing_on_ = false;
      if (request.is_held_back) request.queue->RemoveHeldBack();
      request.queue->BreakOff();
    } else if (request.kind == InFlight::Kind::kReply || request.kind == InFlight::Kind::kPart) {
      std::string bytes;
      connection_->Output().CopyTo(position, request.bytes, bytes);
      events_.OnLost(request, std::move(bytes), end <= possibly_sent);
    }
    position = end;
  }
  events_.OnDown(*this, reason_copy);
}

}  // namespace slotway::proxy
