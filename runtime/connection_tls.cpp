// SPDX-License-Identifier: Apache-2.0
// The part of a connection that only those with TLS have.
#include <algorithm>
#include <array>
#include <utility>

#include "runtime/connection_socket.h"

namespace slotway::runtime {
namespace {

// Read at once: with the record that was incomplete, it has room behind what is kept.
constexpr std::size_t kSealedReadBytes = 32 * 1024;
// Output that is sealed at once. What the socket does not take of it is copied.
constexpr std::size_t kSealedAtOnceBytes = 32 * 1024;
// Answers to a peer that wants them, but does not read.
constexpr std::size_t kUnreadAnswersMax = 64 * 1024;

}  // namespace

void Connection::Secure(std::unique_ptr<TlsStream> tls) {
  tls_ = std::make_unique<Security>();
  tls_->stream = std::move(tls);
  tls_->early = kept_.View();
  kept_.Free();
  is_connected_ = false;
}

const TlsStream* Connection::Tls() const { return tls_ ? tls_->stream.get() : nullptr; }

uv_buf_t Connection::SealedReadTarget() {
  // Opened before anybody else is read.
  thread_local const std::unique_ptr<char[]> buffer(new char[kSealedReadBytes]);
  return uv_buf_init(buffer.get(), kSealedReadBytes);
}

void Connection::BeginTlsHandshake() {
  tls_->stream->Begin();
  SendSealed(tls_->stream->TakeSealed());
}

void Connection::HandleSealed(std::string_view sealed) {
  Socket* socket = socket_;
  auto is_gone = [socket] { return socket->owner == nullptr || socket->owner->is_closed_; };
  TlsStream& stream = *tls_->stream;
  uv_buf_t plain = AllocateForRead();
  std::size_t opened = stream.Open(sealed, {plain.base, plain.len});
  SendSealed(stream.TakeSealed());
  if (is_gone()) return;
  if (!is_connected_ && stream.IsReady()) BecomeConnected();
  if (is_gone()) return;
  if (opened > 0) HandleInput({plain.base, opened});
  if (!is_gone()) tls_->TellEnd(*this);
}

// Not before all input was offered that came with it.
void Connection::Security::TellEnd(Connection& owner) {
  if (owner.is_paused_ && owner.kept_.size >= owner.kept_bytes_max_) return;  // Resume() will
  if (!stream->Failure().empty()) return owner.ReportClosed(std::string(stream->Failure()));
  if (!stream->HasEnded() || owner.is_closing_ || std::exchange(is_end_told, true)) return;
  uv_read_stop(owner.socket_->Stream());
  owner.handler_->OnEndOfInput();
}

void Connection::HandleEarlySealed() {
  Socket* socket = socket_;
  const std::string early = std::exchange(tls_->early, {});
  for (std::size_t done = 0; done < early.size(); done += kSealedReadBytes) {
    HandleSealed(std::string_view(early).substr(done, kSealedReadBytes));
    if (socket->owner == nullptr || is_closed_) return;
  }
}

ssize_t Connection::SealAndSend(std::span<iovec> pieces) {
  std::size_t plain = 0;
  std::size_t count = 0;
  while (count < pieces.size() && plain < kSealedAtOnceBytes) {
    iovec& piece = pieces[count++];
    piece.iov_len = std::min(piece.iov_len, kSealedAtOnceBytes - plain);
    plain += piece.iov_len;
  }
  tls_->stream->Seal(pieces.first(count));
  if (!tls_->stream->Failure().empty()) return UV_EPROTO;
  std::string_view sealed = tls_->stream->TakeSealed();
  iovec whole{const_cast<char*>(sealed.data()), sealed.size()};
  ssize_t sent = SendNow(FileDescriptor(), {&whole, 1});
  if (sent < 0 && sent != UV_EAGAIN) return sent;
  sealed.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
  if (sealed.empty()) return static_cast<ssize_t>(plain);
  tls_->waiting = sealed;
  tls_->waiting_plain = plain;
  return UV_EAGAIN;
}

void Connection::WriteSealedRest() {
  socket_->write_pieces[0] =
      uv_buf_init(tls_->waiting.data(), static_cast<unsigned>(tls_->waiting.size()));
  QueueWrite(1, std::exchange(tls_->waiting_plain, 0));
}

// What is no output: it leaves at once, in its order.
void Connection::SendSealed(std::string_view sealed) {
  if (sealed.empty()) return;
  if (is_write_queued_) {
    tls_->next += sealed;
    if (tls_->next.size() > kUnreadAnswersMax) ReportClosed("TLS: the peer takes no answers");
    return;
  }
  iovec whole{const_cast<char*>(sealed.data()), sealed.size()};
  ssize_t sent = SendNow(FileDescriptor(), {&whole, 1});
  if (sent < 0 && sent != UV_EAGAIN) return ReportClosed(uv_strerror(static_cast<int>(sent)));
  sealed.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
  if (sealed.empty()) return;
  tls_->waiting = sealed;
  WriteSealedRest();
}

void Connection::SendWaitingSealed() {
  tls_->waiting = std::exchange(tls_->next, {});
  if (!tls_->waiting.empty()) WriteSealedRest();
}

void Connection::FinishTls() {
  if (!is_connected_ || is_write_queued_) return;
  tls_->stream->Finish();
  std::string_view sealed = tls_->stream->TakeSealed();
  if (sealed.empty()) return;
  iovec whole{const_cast<char*>(sealed.data()), sealed.size()};
  SendNow(FileDescriptor(), {&whole, 1});
}

}  // namespace slotway::runtime
