// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <new>
#include <span>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

#include "runtime/connection_socket.h"

namespace slotway::runtime {
namespace {

constexpr std::size_t kPiecesPerWrite = 64;
// Kept input up to this size is copied in front of the next read; beyond, it grows in place.
constexpr std::size_t kSmallKeptBytes = 16 * 1024;
// So much of announced input gets its room at once.
constexpr std::size_t kExpectedAtOnceMax = 4 * 1024 * 1024;
// What all connections together write in one iteration, about, and what each may at least.
constexpr std::size_t kFlushBytesMax = 1024 * 1024;
constexpr std::size_t kFlushBytesOfEach = 16 * 1024;
// libuv writes as soon as the socket has room, and no budget holds that back: so it is given
// little.
constexpr std::size_t kWaitingWriteBytes = 2 * 1024;
// Who has read this much lets others have their turn.
constexpr std::size_t kReadBytesMax = 256 * 1024;
// Who was not read for so long is one of those who may wake up, or be told something, in a crowd.
constexpr std::uint32_t kColdAfterMs = 500;
// Who is seen off may take so long to close, and send so much meanwhile.
constexpr std::uint64_t kSeeOffMs = 500;
constexpr std::size_t kSeeOffBytesMax = 1024 * 1024;

// What does not fill a segment waits there for more, or for the end, and leaves with it: between
// them a peer could ask for more. A Unix socket has no such thing.
void HoldLastSegment(int descriptor) {
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

}  // namespace

void Connection::KeptInput::Free() {
  std::free(data);
  data = nullptr;
  begin = size = capacity = 0;
}

void Connection::KeptInput::EnsureRoom(std::size_t more, std::size_t expected) {
  if (begin + size + more <= capacity) return;
  if (begin > 0) {
    std::memmove(data, data + begin, size);
    begin = 0;
    if (size + more <= capacity) return;
  }
  std::size_t doubled = std::max(2 * capacity, size + more);
  // Where the end is known, doubling must not overshoot it.
  std::size_t wanted = expected > size ? std::min(doubled, expected + more) : doubled;
  if (expected > size && expected <= kExpectedAtOnceMax) wanted = expected + more;
  capacity = std::max(wanted, size + more);
  void* grown = std::realloc(data, capacity);
  if (grown == nullptr) throw std::bad_alloc();
  data = static_cast<char*>(grown);
}

void Connection::KeptInput::Store(std::string_view bytes) {
  assert(size == 0);
  if (bytes.size() > capacity) Free();
  EnsureRoom(bytes.size(), 0);
  std::memcpy(data, bytes.data(), bytes.size());
  begin = 0;
  size = bytes.size();
}

void Connection::KeptInput::Drop(std::size_t count) {
  begin += count;
  size -= count;
  if (size == 0) {
    Free();
  } else if (size < kSmallKeptBytes && capacity > 4 * kSmallKeptBytes) {
    // What is left of something large does not keep its memory.
    KeptInput rest;
    rest.Store(View());
    std::swap(data, rest.data);
    std::swap(capacity, rest.capacity);
    begin = 0;
  }
}

Connection::Connection(EventLoop& loop, FlushStage stage, bool is_unix)
    : loop_(loop),
      socket_(new Socket),
      read_at_ms_(static_cast<std::uint32_t>(loop.NowMs()) - kColdAfterMs),
      stage_(stage) {
  socket_->is_unix = is_unix;
  if (is_unix) {
    uv_pipe_init(loop.Uv(), &socket_->pipe, 0);
  } else {
    uv_tcp_init(loop.Uv(), &socket_->tcp);
  }
  socket_->Handle()->data = socket_;
  socket_->owner = this;
}

Connection::~Connection() {
  if (is_marked_) loop_.Unmark(*this);
  if (tls_ != nullptr) FinishTls();
  socket_->owner = nullptr;
  socket_->timer.reset();
  uv_close(socket_->Handle(), [](uv_handle_t* handle) {
    auto* closed = static_cast<Socket*>(handle->data);
    closed->is_handle_closed = true;
    if (!closed->IsReferredTo()) delete closed;
  });
}

Result<std::unique_ptr<Connection>> Connection::Adopt(EventLoop& loop, OwnedFd accepted,
                                                      FlushStage stage) {
  int domain = AF_INET;
  socklen_t size = sizeof domain;
  getsockopt(accepted.Number(), SOL_SOCKET, SO_DOMAIN, &domain, &size);
  std::unique_ptr<Connection> connection(new Connection(loop, stage, domain == AF_UNIX));
  Socket* socket = connection->socket_;
  int error = socket->is_unix ? uv_pipe_open(&socket->pipe, accepted.Number())
                              : uv_tcp_open(&socket->tcp, accepted.Number());
  if (error != 0) return Fail(uv_strerror(error));
  accepted.Release();
  connection->SetNodelay(true);
  connection->is_connected_ = true;
  return connection;
}

std::unique_ptr<Connection> Connection::Connect(EventLoop& loop, const SocketAddress& to,
                                                std::uint64_t timeout_ms, FlushStage stage,
                                                Handler& handler) {
  return Connect(loop, to, timeout_ms, stage, handler, nullptr);
}

std::unique_ptr<Connection> Connection::Connect(EventLoop& loop, const SocketAddress& to,
                                                std::uint64_t timeout_ms, FlushStage stage,
                                                Handler& handler, std::unique_ptr<TlsStream> tls) {
  auto connection = Unconnected(loop, stage, handler);
  if (tls != nullptr) connection->Secure(std::move(tls));
  connection->BeginToConnect(to, timeout_ms);
  return connection;
}

std::unique_ptr<Connection> Connection::Unconnected(EventLoop& loop, FlushStage stage,
                                                    Handler& handler) {
  std::unique_ptr<Connection> connection(new Connection(loop, stage));
  connection->handler_ = &handler;
  return connection;
}

void Connection::BeginToConnect(const SocketAddress& to, std::uint64_t timeout_ms) {
  Socket* socket = socket_;
  socket->connect.data = socket;
  int error = uv_tcp_connect(&socket->connect, &socket->tcp, to.Native(),
                             [](uv_connect_t* request, int status) {
                               auto* connected = static_cast<Socket*>(request->data);
                               Connection* owner = connected->owner;
                               if (owner == nullptr || owner->is_closed_) return;
                               if (status != 0) {
                                 owner->ReportClosed(uv_strerror(status));
                                 return;
                               }
                               uv_tcp_nodelay(&connected->tcp, 1);
                               owner->StartReading();
                               if (owner->tls_ != nullptr) return owner->BeginTlsHandshake();
                               owner->BecomeConnected();
                             });
  auto report_later = [socket](std::uint64_t delay_ms, std::string reason) {
    socket->timer->Start(delay_ms, 0, [socket, reason = std::move(reason)] {
      if (socket->owner != nullptr) socket->owner->ReportClosed(reason);
    });
  };
  socket->timer = std::make_unique<Timer>(loop_);
  if (error != 0) {
    report_later(0, uv_strerror(error));
  } else if (timeout_ms > 0) {
    report_later(timeout_ms, "connect timed out");
  }
}

void Connection::BecomeConnected() {
  socket_->timer.reset();
  is_connected_ = true;
  if (UnwrittenBytes() > 0) MarkForFlush();
  handler_->OnConnected();
}

bool Connection::IsRefusal(std::string_view reason) {
  return reason == uv_strerror(UV_ECONNREFUSED);
}

void Connection::Start(Handler& handler) {
  handler_ = &handler;
  if (is_paused_) return ResumeReading();
  StartReading();
}

void Connection::StartReading() {
  if (is_paused_ || is_closing_ || is_closed_ || socket_->is_reading_postponed) return;
  uv_read_start(
      socket_->Stream(),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        Connection* owner = static_cast<Socket*>(handle->data)->owner;
        *buffer = owner->MayReadNow() ? owner->ReadTarget() : uv_buf_init(nullptr, 0);
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
        static_cast<Socket*>(stream->data)->owner->HandleRead(count, *buffer);
      });
}

bool Connection::IsSilentNow() const {
  return static_cast<std::uint32_t>(loop_.NowMs()) - read_at_ms_ >= kColdAfterMs;
}

bool Connection::MayReadNow() {
  if (read_turn_ != loop_.Turn()) {
    read_turn_ = loop_.Turn();
    read_bytes_ = 0;
  } else if (read_bytes_ >= kReadBytesMax) {
    return false;  // the socket stays readable, and is read in the next iteration
  }
  const bool is_silent = IsSilentNow();
  auto warmth = is_silent ? EventLoop::kCold : EventLoop::kWarm;
  if (loop_.MayRead(warmth)) [[likely]] {
    was_silent_ = is_silent;
    read_at_ms_ = static_cast<std::uint32_t>(loop_.NowMs());
    loop_.NoteRead(*this);
    return true;
  }
  socket_->is_reading_postponed = true;
  loop_.PostponeReading(warmth, socket_);
  return false;
}

void Connection::ReadPostponed(void* postponed) {
  auto* socket = static_cast<Socket*>(postponed);
  socket->is_reading_postponed = false;
  if (socket->is_handle_closed) {
    if (!socket->IsReferredTo()) delete socket;
    return;
  }
  Connection* owner = socket->owner;
  if (owner == nullptr || owner->is_closed_ || owner->is_closing_) return;
  if (owner->is_paused_ && owner->kept_.size >= owner->kept_bytes_max_) return;
  owner->was_silent_ = owner->IsSilentNow();
  owner->read_at_ms_ = static_cast<std::uint32_t>(owner->loop_.NowMs());
  uv_buf_t buffer = owner->ReadTarget();
  ssize_t count = recv(owner->FileDescriptor(), buffer.base, buffer.len, MSG_DONTWAIT);
  if (count == 0) {
    count = UV_EOF;
  } else if (count < 0) {
    count = errno == EAGAIN || errno == EINTR ? 0 : -errno;
  }
  owner->HandleRead(count, buffer);
  if (socket->owner != nullptr && count >= 0) owner->StartReading();
}

uv_buf_t Connection::AllocateForRead() {
  if (kept_.size < kSmallKeptBytes) {
    if (kept_.size > 0) std::memcpy(loop_.ReadBuffer(), kept_.View().data(), kept_.size);
    return uv_buf_init(loop_.ReadBuffer() + kept_.size,
                       static_cast<unsigned>(EventLoop::kReadBufferBytes - kept_.size));
  }
  kept_.EnsureRoom(EventLoop::kReadBufferBytes, expected_input_bytes_);
  std::size_t room = std::min<std::size_t>(kept_.capacity - kept_.begin - kept_.size, 1 << 20);
  return uv_buf_init(kept_.data + kept_.begin + kept_.size, static_cast<unsigned>(room));
}

void Connection::HandleRead(ssize_t count, const uv_buf_t& buffer) {
  if (count == 0) return;
  if (count == UV_ENOBUFS) {
    // Out of the loop's sight, or it would be shown again and again.
    if (socket_->is_reading_postponed) uv_read_stop(socket_->Stream());
    return;
  }
  if (count < 0) {
    uv_read_stop(socket_->Stream());
    if (count == UV_EOF) {
      handler_->OnEndOfInput();
    } else {
      ReportClosed(uv_strerror(static_cast<int>(count)));
    }
    return;
  }
  read_bytes_ += static_cast<std::uint32_t>(count);
  std::string_view input(buffer.base, static_cast<std::size_t>(count));
  if (tls_ != nullptr) [[unlikely]] return HandleSealed(input);
  HandleInput(input);
}

// REQUIRES: it is where AllocateForRead() said.
void Connection::HandleInput(std::string_view fresh) {
  Socket* socket = socket_;
  if (kept_.size >= kSmallKeptBytes) {
    kept_.size += fresh.size();
    if (is_paused_) return StopReadingIfFull();
    OfferKept();
    return;
  }
  std::string_view input(fresh.data() - kept_.size, kept_.size + fresh.size());
  std::size_t taken = is_paused_ ? 0 : handler_->OnBytes(input);
  if (socket->owner == nullptr) return;
  input.remove_prefix(taken);
  if (kept_.size > 0) kept_.Drop(kept_.size);
  if (!input.empty() && !is_closing_) kept_.Store(input);
  if (is_paused_) StopReadingIfFull();
}

void Connection::StopReadingIfFull() {
  if (kept_.size >= kept_bytes_max_) uv_read_stop(socket_->Stream());
}

void Connection::OfferKept() {
  Socket* socket = socket_;
  std::size_t taken = handler_->OnBytes(kept_.View());
  if (socket->owner == nullptr) return;
  kept_.Drop(is_closing_ ? kept_.size : taken);
}

std::size_t Connection::RoomFor(std::size_t bytes) const {
  const bool is_soon_large = bytes >= kSmallKeptBytes && expected_input_bytes_ > bytes &&
                             expected_input_bytes_ <= kExpectedAtOnceMax;
  return std::max(is_soon_large ? expected_input_bytes_ : bytes, kept_.capacity);
}

std::size_t Connection::OwnBytes() { return sizeof(Connection) + sizeof(Socket); }

void Connection::PauseReading() { PauseOffering(0); }

void Connection::PauseOffering(std::size_t kept_bytes_max) {
  if (is_paused_) return;
  is_paused_ = true;
  kept_bytes_max_ = kept_bytes_max;
  StopReadingIfFull();
}

void Connection::ResumeReading() {
  if (!is_paused_ || socket_->is_resume_deferred) return;
  socket_->is_resume_deferred = true;
  loop_.Defer([socket = socket_] { Resume(socket); });
}

void Connection::YieldReading() {
  if (is_paused_) return;
  PauseReading();
  if (std::exchange(socket_->is_resume_deferred, true)) return;
  loop_.DeferToNextTurn([socket = socket_] { Resume(socket); });
}

void Connection::Resume(Socket* socket) {
  socket->is_resume_deferred = false;
  if (socket->is_handle_closed) {
    if (!socket->IsReferredTo()) delete socket;
    return;
  }
  Connection* owner = socket->owner;
  if (owner == nullptr || owner->is_closed_) return;
  owner->is_paused_ = false;
  if (owner->tls_ != nullptr) owner->HandleEarlySealed();
  if (socket->owner == nullptr || owner->is_closed_) return;
  if (owner->kept_.size > 0 && !owner->is_closing_) owner->OfferKept();
  if (socket->owner == nullptr) return;
  owner->StartReading();
  if (owner->tls_ != nullptr) owner->tls_->TellEnd(*owner);
}

std::size_t Connection::FlushBytesOfEach(std::size_t connections) {
  return std::max(kFlushBytesMax / connections, kFlushBytesOfEach);
}

void Connection::FlushMarked(std::size_t bytes_max) {
  is_marked_ = holds_output_ = false;
  if (!is_connected_ || is_closed_ || is_write_queued_ || awaits_end_) return;
  const bool is_wanted = handler_->IsFlushWanted();
  if (is_closed_) return;
  holds_output_ = !is_closing_ && !is_wanted;
  if (holds_output_) return MarkForFlush();
  Flush(bytes_max);
}

void Connection::Flush(std::size_t bytes_max) {
  const int descriptor = FileDescriptor();
  std::size_t flushed = 0;
  if (is_closing_ && UnwrittenBytes() > 0) HoldLastSegment(descriptor);
  while (written_ < FlushEnd()) {
    if (flushed >= bytes_max) return MarkForFlush();
    std::array<iovec, kPiecesPerWrite> pieces;
    std::size_t count = GatherUnwritten(pieces, bytes_max - flushed);
    ssize_t result = tls_ == nullptr ? SendNow(descriptor, {pieces.data(), count})
                                     : SealAndSend({pieces.data(), count});
    if (result == UV_EAGAIN) return WriteRest();
    if (result < 0) return ReportClosed(uv_strerror(static_cast<int>(result)));
    AdvanceWritten(static_cast<std::size_t>(result));
    flushed += static_cast<std::size_t>(result);
  }
  if (UnwrittenBytes() > 0) return;  // the rest is held
  if (is_closing_) {
    if (tls_ != nullptr) FinishTls();
    // Sends the last segment: whoever reads it knows that there is no use in asking for more.
    shutdown(descriptor, SHUT_WR);
    if (sees_off_) return AwaitEndOfPeer();
    return ReportClosed("closed");
  }
  if (!std::exchange(is_drain_untold_, false) && flushed == 0) return;
  loop_.NoteAnswered(*this);
  handler_->OnDrained();
}

std::size_t Connection::GatherUnwritten(std::span<iovec> pieces, std::size_t bytes_max) const {
  std::size_t count = output_.Gather(written_, pieces);
  bytes_max = std::min(bytes_max, static_cast<std::size_t>(FlushEnd() - written_));
  for (std::size_t i = 0; i < count; ++i) {
    if (pieces[i].iov_len >= bytes_max) {
      pieces[i].iov_len = bytes_max;
      return i + 1;
    }
    bytes_max -= pieces[i].iov_len;
  }
  return count;
}

// Hands the next pieces to libuv, which writes them when the socket has room.
void Connection::WriteRest() {
  if (tls_ != nullptr) return WriteSealedRest();
  static_assert(sizeof(uv_buf_t) == sizeof(iovec));
  auto* pieces = reinterpret_cast<iovec*>(socket_->write_pieces.data());
  std::size_t count = GatherUnwritten({pieces, kWaitingPieces}, kWaitingWriteBytes);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += pieces[i].iov_len;
  QueueWrite(count, bytes);
}

// `bytes`: of output that will have been written then.
void Connection::QueueWrite(std::size_t pieces, std::size_t bytes) {
  Socket* socket = socket_;
  socket->write_bytes = bytes;
  socket->write.data = socket;
  is_write_queued_ = true;
  int error = uv_write(&socket->write, socket->Stream(), socket->write_pieces.data(),
                       static_cast<unsigned>(pieces), [](uv_write_t* request, int status) {
                         auto* written = static_cast<Socket*>(request->data);
                         Connection* owner = written->owner;
                         if (owner == nullptr) return;
                         if (owner->is_closed_) return;
                         if (status != 0) {
                           // Still queued: the socket may have taken a part of it.
                           owner->ReportClosed(uv_strerror(status));
                           return;
                         }
                         owner->is_write_queued_ = false;
                         owner->is_drain_untold_ = true;
                         owner->AdvanceWritten(written->write_bytes);
                         owner->MarkForFlush();  // the rest, or the end of it
                         if (owner->tls_ != nullptr) owner->SendWaitingSealed();
                       });
  if (error != 0) {
    is_write_queued_ = false;
    ReportClosed(uv_strerror(error));
  }
}

void Connection::AdvanceWritten(std::size_t bytes) {
  written_ += bytes;
  if (!keeps_written_) output_.ReleaseTo(written_);
}

ByteQueue::Position Connection::PossiblyWritten() const {
  return is_write_queued_ ? written_ + socket_->write_bytes : written_;
}

bool Connection::HasUntakenInput() const {
  int unread = 0;
  if (tls_ != nullptr && !tls_->early.empty()) return true;
  return kept_.size > 0 || (ioctl(FileDescriptor(), FIONREAD, &unread) == 0 && unread > 0);
}

void Connection::CloseAfterFlush() {
  if (is_closing_) return;
  is_closing_ = true;
  uv_read_stop(socket_->Stream());
  MarkForFlush();
}

void Connection::SeeOff() {
  sees_off_ = sees_off_ || !is_closing_;
  CloseAfterFlush();
}

void Connection::AwaitEndOfPeer() {
  awaits_end_ = true;
  socket_->dropped_bytes = 0;
  socket_->timer = std::make_unique<Timer>(loop_);
  socket_->timer->Start(kSeeOffMs, 0, [socket = socket_] {
    if (socket->owner != nullptr) socket->owner->ReportClosed("closed");
  });
  uv_read_start(
      socket_->Stream(),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        const Connection* owner = static_cast<Socket*>(handle->data)->owner;
        *buffer = uv_buf_init(owner->loop_.ReadBuffer(), EventLoop::kReadBufferBytes);
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
        auto* socket = static_cast<Socket*>(stream->data);
        if (count > 0) socket->dropped_bytes += static_cast<std::size_t>(count);
        if (count < 0 || socket->dropped_bytes > kSeeOffBytesMax) {
          socket->owner->ReportClosed("closed");
        }
      });
}

void Connection::Abandon() {
  is_closed_ = true;
  is_connected_ = false;
  uv_read_stop(socket_->Stream());
}

void Connection::ReportClosed(std::string_view reason) {
  if (is_closed_) return;
  Abandon();
  if (handler_ != nullptr) handler_->OnClosed(reason);
}

int Connection::FileDescriptor() const {
  uv_os_fd_t fd = -1;
  uv_fileno(socket_->Handle(), &fd);
  return fd;
}

void Connection::SetKeepalive(unsigned seconds) {
  if (!socket_->is_unix) uv_tcp_keepalive(&socket_->tcp, seconds > 0 ? 1 : 0, seconds);
}

void Connection::SetNodelay(bool is_on) {
  if (!socket_->is_unix) uv_tcp_nodelay(&socket_->tcp, is_on ? 1 : 0);
}

}  // namespace slotway::runtime
