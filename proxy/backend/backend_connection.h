// SPDX-License-Identifier: Apache-2.0
// One pipelined connection to one shard, shared by all clients of a worker.
//
// Requests go out in the order of Send(); replies come back in that order and each goes to whoever
// its InFlight names. Request bytes stay in the output log until answered: a redirect or a lost
// connection takes them from there. Belongs to its worker's thread.
//
// A shard works on one batch while the next one waits for it: what comes meanwhile gathers here and
// leaves when the first of the two is answered. It would have had to wait there as well, and a
// busy shard takes few large sends instead of many small ones.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/backend_config.h"
#include "protocol/resp_reply_scanner.h"
#include "protocol/resp_writer.h"
#include "proxy/backend/backend_login.h"
#include "proxy/meters/exchange_meter.h"
#include "proxy/reply/in_flight.h"
#include "runtime/connection.h"
#include "runtime/ring.h"

namespace slotway::proxy {

// What a connection says before the first request.
struct BackendGreeting {
  BackendLogin login;
  bool wants_id = false;  // asks CLIENT ID: see BackendConnection::RemoteId()
  // Requests that have to succeed (CLIENT TRACKING ...). Where there is a receiver (BackendPool),
  // kReceiverId among the words stands for its id.
  std::vector<std::vector<std::string>> more;
  bool needs_receiver = false;
  std::string name = "slotway";  // what the connection calls itself
  static constexpr std::string_view kReceiverId = "{receiver}";
};

// The plain greeting that the settings ask for.
inline BackendGreeting GreetingOf(const config::BackendConfig& settings) {
  BackendGreeting greeting;
  greeting.login = LoginOf(settings);
  return greeting;
}

class BackendConnection final : private runtime::Connection::Handler {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    // Logged in; requests may be sent.
    virtual void OnReady(BackendConnection& backend) = 0;
    // An error reply. True if the request was taken over (FrontRequest() has its bytes) and
    // nobody is to be answered.
    virtual bool OnErrorReply(BackendConnection& backend, InFlight& request,
                              std::string_view reply) = 0;
    // The connection ended before the reply. `may_have_run` is false if the shard cannot have
    // received all of the request.
    virtual void OnLost(InFlight& request, std::string bytes, bool may_have_run) = 0;
    // A reply to a request that is_awaited and that stays answered with it. True if the request was
    // taken over, as above.
    virtual bool OnAwaitedReply(BackendConnection& /*backend*/, InFlight& /*request*/) {
      return false;
    }
    // The shard has said something after Doubt(): requests may be sent again.
    virtual void OnTrusted(BackendConnection& /*backend*/) {}
    // Called last; the connection is of no use any more. The owner destroys it later, not within.
    virtual void OnDown(BackendConnection& backend, std::string_view reason) = 0;
    // Something the shard sent on its own (RESP3).
    virtual void OnPush(BackendConnection& /*backend*/, std::string_view /*push*/) {}
    // What SendFenced() sent has been answered, by whatever pushes and errors have come.
    virtual void OnFence(BackendConnection& /*backend*/) {}
  };

  enum class Opening : std::uint8_t { kNow, kLater };

  BackendConnection(runtime::EventLoop& loop, const runtime::SocketAddress& address,
                    const BackendGreeting& greeting, Lane lane, Events& events,
                    Opening opening = Opening::kNow);
  ~BackendConnection() override;

  // Its requests are measured from now on. REQUIRES: nothing but the greeting was sent.
  // shared: see NodeMeters.
  void MeasureWith(WorkerMeter& worker, std::shared_ptr<NodeMeter> node) {
    meter_.Attach(worker, std::move(node));
  }

  // Begins to connect. REQUIRES: made with Opening::kLater, not called before, !IsDown().
  void Open();

  bool IsReady() const { return state_ == State::kReady; }
  bool IsDown() const { return state_ == State::kDown; }
  // Whether the login went well, once.
  bool WasReady() const { return was_ready_; }

  // REQUIRES: !IsDown(). `bytes` is one request as it goes on the wire; it waits for the login.
  void Send(std::string_view bytes, const InFlight& request) {
    InFlight& sent = Enqueue(bytes);
    sent = request;
    sent.bytes = static_cast<std::uint32_t>(bytes.size());
  }
  // The same. The caller fills in, at once, who asked: one that is written in place costs half of
  // one that is copied.
  InFlight& Send(std::string_view bytes) {
    InFlight& sent = Enqueue(bytes);
    sent = InFlight();
    sent.bytes = static_cast<std::uint32_t>(bytes.size());
    return sent;
  }
  // ASKING and the request, in one piece.
  void SendAsking(std::string_view bytes, const InFlight& request);
  // A request that is answered by any number of pushes or by one error, and a fence behind it: a
  // command that a shard always answers with a reply. Errors go to Events::OnErrorReply(). RESP3.
  void SendFenced(std::string_view bytes);

  // The bytes of the request whose reply is being handled. For Events::OnErrorReply().
  std::string FrontRequest() const;

  // Nothing more is to be sent until the shard says something.
  void Doubt() {
    if (state_ == State::kReady) state_ = State::kDoubted;
  }
  // Ends the connection: every request in flight is reported lost.
  void Fail(std::string_view reason) { OnClosed(reason); }
  // What has arrived and is not handled yet waits for the next iteration of the loop: for events
  // of which many would keep others waiting.
  void YieldReading() { connection_->YieldReading(); }
  // Whether the shard has owed an answer for so long without sending anything.
  bool IsSilent(std::uint64_t for_ms) const {
    return !in_flight_.Empty() && loop_.NowMs() - last_progress_ms_ >= for_ms;
  }
  // Fails the connection if its oldest request waits longer than `timeout_ms`; tells if it did.
  bool FailIfStalled(std::uint64_t timeout_ms);
  // Gives memory back and, after `probe_interval_ms` (0: never) of silence, asks for a sign of
  // life. For idle connections only; no sign is a stall.
  void CareIfIdle(std::uint64_t probe_interval_ms);

  runtime::Ring<InFlight>& InFlightRequests() { return in_flight_; }
  // Whether anything was sent since this was asked last.
  bool HasSentMore() {
    auto end = connection_->Output().End();
    return std::exchange(asked_at_, end) != end;
  }
  std::size_t UnsentBytes() const { return connection_->UnwrittenBytes(); }
  std::size_t BufferedBytes() const {
    return connection_->Output().Size() + connection_->KeptInputBytes();
  }
  const runtime::SocketAddress& Address() const { return address_; }
  // Who the shard says this connection is; 0 if it was not asked or has not said.
  std::int64_t RemoteId() const { return remote_id_; }
  Lane OwnLane() const { return lane_; }

 private:
  // So much leaves at once. A shard reads no more at a time.
  static constexpr std::size_t kGatheredBytesMax = 16 * 1024;

  enum class State : std::uint8_t { kConnecting, kReady, kDoubted, kDown };
  // What a control request is for; its InFlight::place.
  enum class Control : std::uint32_t {
    kFormerLogin,
    kLogin,
    kVersion,
    kName,
    kReadonly,
    kRole,
    kNoTouch,
    kAcks,
    kDatabase,
    kId,
    kMore,
    kProbe
  };

  std::size_t OnBytes(std::string_view input) override;
  void OnEndOfInput() override { OnClosed("the shard closed the connection"); }
  void OnClosed(std::string_view reason) override;
  void OnDrained() override;
  void BeTrusted();

  InFlight& Enqueue(std::string_view bytes) {
    if (in_flight_.Empty()) last_progress_ms_ = loop_.NowMs();
    connection_->Output().Append(bytes);
    if (!has_enough_sent_ || UnsentBytes() >= kGatheredBytesMax) connection_->MarkForFlush();
    meter_.Asked();
    return in_flight_.Extend();
  }
  void SendLogin();
  void SendHandshake();
  void SendControl(Control control, std::span<const std::string_view> args);
  void SendControl(Control control, std::initializer_list<std::string_view> args);
  // How much of the input that was.
  std::size_t HandleReplies(std::string_view input);
  bool HandlePlainReply(std::string_view reply);
  void HandleReply(std::string_view reply);
  void PopAnswered();
  // The front request is answered; of a reply that came in pieces `reply` is the last one.
  void Measure(std::string_view reply, std::size_t reply_bytes);
  void Note(std::string_view reply, std::size_t reply_bytes);
  void ReleaseAnswered();
  void ForbidReadsBehindWrites(runtime::ByteQueue::Position possibly_sent);
  void HandleControlReply(Control control, std::string_view reply);
  std::size_t PassOnPieces(std::string_view input);

  // What each request looks at stands together.
  runtime::EventLoop& loop_;
  std::unique_ptr<runtime::Connection> connection_;
  State state_ = State::kConnecting;
  bool is_passing_on_ = false;    // the front reply is on its way to the client in pieces
  bool has_enough_sent_ = false;  // neither of the last two batches is answered
  bool is_in_by_former_ = false;  // the password of before was right
  bool was_ready_ = false;
  runtime::Ring<InFlight> in_flight_;
  runtime::ByteQueue::Position front_position_ = 0;  // where the front request begins in the log
  ExchangeMeter meter_;
  protocol::RespReplyScanner scanner_;

  runtime::SocketAddress address_;
  BackendGreeting greeting_;
  Lane lane_;
  Events& events_;
  // Where the last two batches end that the socket took, the older one first.
  std::array<runtime::ByteQueue::Position, 2> batch_ends_{};
  runtime::ByteQueue::Position asked_at_ = 0;  // HasSentMore()
  std::uint64_t last_progress_ms_ = 0;
  runtime::ByteQueue::Position counted_output_ = 0;  // by meter_
  std::size_t passed_on_bytes_ = 0;                  // of the reply that is being passed on
  // shared: lets a deferred call see whether this connection still exists.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  std::int64_t remote_id_ = 0;
  std::size_t handshake_replies_left_ = 0;
};

}  // namespace slotway::proxy
