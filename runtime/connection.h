// SPDX-License-Identifier: Apache-2.0
// One connection, TCP or of a Unix socket: bytes in to a handler, bytes out from a queue.
//
// Input is offered in place: the handler takes what it can use and is offered the rest again with
// more behind it, so that a request is never copied before it is complete. Output is appended to
// Output() and leaves at the end of the loop's iteration. Belongs to its loop's thread. The owner
// may destroy a connection at any time, also inside its callbacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <uv.h>

#include "runtime/byte_queue.h"
#include "runtime/event_loop.h"
#include "runtime/owned_fd.h"
#include "runtime/result.h"
#include "runtime/socket_address.h"

namespace slotway::runtime {

class TlsStream;

class Connection {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // Returns how many bytes from the front are done with. The view ends with this call.
    virtual std::size_t OnBytes(std::string_view input) = 0;
    // The peer sent everything it will send. What was not taken by OnBytes is lost.
    virtual void OnEndOfInput() = 0;
    // The connection broke, or CloseAfterFlush() is through; `reason` is for the log. Nothing is
    // called afterwards; the owner destroys the connection.
    virtual void OnClosed(std::string_view reason) = 0;
    // An outgoing connection is up, or an accepted one's TLS is: see Secure().
    virtual void OnConnected() {}
    // Called before a flush; false keeps the output until the next iteration, 1 ms at most.
    virtual bool IsFlushWanted() { return true; }
    // The socket took everything that was queued.
    virtual void OnDrained() {}
  };

  // Takes over an accepted socket: see Acceptor.
  static Result<std::unique_ptr<Connection>> Adopt(EventLoop& loop, OwnedFd accepted,
                                                   FlushStage stage);
  // Begins to connect; OnConnected() or OnClosed() follows. The time limit covers connecting only.
  static std::unique_ptr<Connection> Connect(EventLoop& loop, const SocketAddress& to,
                                             std::uint64_t timeout_ms, FlushStage stage,
                                             Handler& handler);
  // With TLS, unless `tls` is nullptr.
  static std::unique_ptr<Connection> Connect(EventLoop& loop, const SocketAddress& to,
                                             std::uint64_t timeout_ms, FlushStage stage,
                                             Handler& handler, std::unique_ptr<TlsStream> tls);
  // The same in two steps: output may be queued between them.
  static std::unique_ptr<Connection> Unconnected(EventLoop& loop, FlushStage stage,
                                                 Handler& handler);
  void BeginToConnect(const SocketAddress& to, std::uint64_t timeout_ms);
  // From here on the wire speaks TLS; input and output stay plain. What was not taken yet is TLS
  // already. OnConnected() tells when the handshake is over, OnClosed() that it failed; output
  // waits for it. Call it before BeginToConnect(), whose time limit then covers the handshake, or
  // before Start(): there is no limit then, see TlsEntrance.
  void Secure(std::unique_ptr<TlsStream> tls);
  // nullptr: a plain connection.
  const TlsStream* Tls() const;
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Whether OnClosed() told with this reason that the host answered: nobody listens there.
  static bool IsRefusal(std::string_view reason);

  // For accepted connections: begins to read, or, if reading is paused, resumes it for `handler`.
  void Start(Handler& handler);

  // Where to append output. Follow with MarkForFlush(): cheap, idempotent within an iteration.
  ByteQueue& Output() { return output_; }
  void MarkForFlush() {
    if (!is_marked_) {
      is_marked_ = true;
      loop_.MarkForFlush(*this, stage_);
    }
  }
  // Among which connections it is flushed from now on.
  void SetFlushStage(FlushStage stage) { stage_ = stage; }
  // Output from this position on stays until the limit is moved; a connection that closes after its
  // flush waits for it. REQUIRES: what is there has not been handed to the socket.
  static constexpr ByteQueue::Position kHoldNothing = ~ByteQueue::Position{0};
  void HoldOutputFrom(ByteQueue::Position position) { held_from_ = position; }
  // Keeps written bytes in Output() until the owner releases them: a log of what is unanswered.
  void KeepWritten() { keeps_written_ = true; }
  // Everything before this position has been handed to the socket.
  ByteQueue::Position Written() const { return written_; }
  // Everything from this position on has certainly not been handed to the socket.
  ByteQueue::Position PossiblyWritten() const;
  // Up to where output may be written now.
  ByteQueue::Position FlushEnd() const {
    return held_from_ < output_.End() ? held_from_ : output_.End();
  }
  std::size_t UnwrittenBytes() const { return static_cast<std::size_t>(output_.End() - written_); }

  // Stops offering input; what has arrived is kept, and the peer feels the back-pressure.
  void PauseReading();
  // The same, but what arrives is still read and kept, up to about `kept_bytes_max`, so that the
  // end of input is noticed.
  void PauseOffering(std::size_t kept_bytes_max);
  // Offers what was kept at the end of this iteration, then reads on.
  void ResumeReading();
  // For a handler that has done enough for one iteration: pauses, and resumes in the next one, so
  // that others have their turn. For handlers that do not pause otherwise.
  void YieldReading();
  bool IsPaused() const { return is_paused_; }
  // How much input the handler has not taken yet.
  std::size_t KeptInputBytes() const { return kept_.size; }
  std::size_t KeptInputCapacity() const { return kept_.capacity; }
  // What keeping the last `bytes` of the input that was offered takes, all that is expected
  // included.
  std::size_t RoomFor(std::size_t bytes) const;
  // What any connection takes beside input and output.
  static std::size_t OwnBytes();
  // Tells that input is of no use before it is `bytes` long: sizes the buffer, no promise.
  void ExpectInput(std::size_t bytes) { expected_input_bytes_ = bytes; }

  // Whether anything has arrived that the handler has not taken yet, here or at the kernel.
  bool HasUntakenInput() const;
  // Reads no more, writes what is queued, then calls OnClosed(). The end travels with the last
  // bytes: who has read them finds it right behind.
  void CloseAfterFlush();
  // The same, but OnClosed() comes when the peer has closed too, within half a second: what it
  // still sends until then is dropped. A socket that is closed with input unread, or gets more
  // afterwards, resets its connection, and what was written last may never be read.
  void SeeOff();
  bool IsClosing() const { return is_closing_; }
  // From now on nothing is read, written or told. For owners that destroy it a moment later.
  void Abandon();

  bool IsConnected() const { return is_connected_; }
  SocketAddress LocalAddress() const { return SocketAddress::LocalOf(FileDescriptor()); }
  SocketAddress PeerAddress() const { return SocketAddress::PeerOf(FileDescriptor()); }
  int FileDescriptor() const;
  EventLoop& Loop() { return loop_; }
  void SetKeepalive(unsigned seconds);
  void SetNodelay(bool is_on);

 private:
  friend class EventLoop;
  struct Socket;  // the libuv handle: outlives the connection until its close callback
  struct Security;  // the TLS of a connection that has it

  // Input that was not taken yet, in memory of its own.
  struct KeptInput {
    char* data = nullptr;
    std::size_t begin = 0;
    std::size_t size = 0;
    std::size_t capacity = 0;
    ~KeptInput() { Free(); }
    void Free();
    void EnsureRoom(std::size_t more, std::size_t expected);
    void Store(std::string_view bytes);
    std::string_view View() const { return {data + begin, size}; }
    void Drop(std::size_t count);
  };

  Connection(EventLoop& loop, FlushStage stage, bool is_unix = false);
  void BecomeConnected();
  void StartReading();
  // Whether its peer has sent nothing for a while, until a moment ago or until now.
  bool IsSilent() const { return was_silent_ || IsSilentNow(); }
  bool IsSilentNow() const;
  // False if the connection, or all of them, have read enough for this iteration.
  bool MayReadNow();
  // Where to read to: what comes is for HandleRead().
  uv_buf_t ReadTarget() {
    return tls_ == nullptr ? AllocateForRead() : SealedReadTarget();
  }
  // Room for input behind what is kept: at least 48 KiB.
  uv_buf_t AllocateForRead();
  static void Resume(Socket* socket);
  static void ReadPostponed(void* socket);
  void HandleRead(ssize_t count, const uv_buf_t& buffer);
  void HandleInput(std::string_view fresh);
  void OfferKept();
  void StopReadingIfFull();
  // Sets holds_output_ if the output is to be kept for a moment. `bytes_max`: what is beyond waits
  // for the next iteration.
  void FlushMarked(std::size_t bytes_max);
  // The bytes that each of so many connections may write in one iteration.
  static std::size_t FlushBytesOfEach(std::size_t connections);
  void Flush(std::size_t bytes_max);
  // The next output: at most `bytes_max` of it.
  std::size_t GatherUnwritten(std::span<iovec> pieces, std::size_t bytes_max) const;
  void WriteRest();
  void QueueWrite(std::size_t pieces, std::size_t bytes);
  void AdvanceWritten(std::size_t bytes);
  void ReportClosed(std::string_view reason);
  void AwaitEndOfPeer();

  // REQUIRES: tls_ != nullptr.
  static uv_buf_t SealedReadTarget();
  void BeginTlsHandshake();
  void HandleSealed(std::string_view sealed);
  void HandleEarlySealed();
  // How many bytes of the output were sent, or an error of libuv. UV_EAGAIN: WriteSealedRest().
  ssize_t SealAndSend(std::span<iovec> pieces);
  void WriteSealedRest();
  void SendSealed(std::string_view sealed);
  void SendWaitingSealed();
  void FinishTls();

  EventLoop& loop_;
  Socket* socket_;
  Handler* handler_ = nullptr;
  std::unique_ptr<Security> tls_;  // nullptr: none
  ByteQueue output_;
  ByteQueue::Position written_ = 0;
  ByteQueue::Position held_from_ = kHoldNothing;
  KeptInput kept_;
  std::size_t expected_input_bytes_ = 0;
  std::size_t kept_bytes_max_ = 0;  // while paused
  std::uint32_t read_turn_ = 0;     // of the last read
  std::uint32_t read_bytes_ = 0;    // in that iteration
  std::uint32_t read_at_ms_;        // loop time of the last read
  std::uint32_t asked_us_ = 0;      // WakeupModeration's
  FlushStage stage_;
  bool is_marked_ = false;
  bool holds_output_ = false;  // it is marked, and its handler did not want it flushed last time
  bool was_silent_ = true;     // before the last read
  bool keeps_written_ = false;
  bool is_paused_ = false;
  bool is_connected_ = false;
  bool is_closing_ = false;
  bool sees_off_ = false;    // while it closes
  bool awaits_end_ = false;  // of the peer; everything is written
  bool is_closed_ = false;
  bool is_write_queued_ = false;
  bool is_drain_untold_ = false;  // libuv has written something since the last flush
};

}  // namespace slotway::runtime
