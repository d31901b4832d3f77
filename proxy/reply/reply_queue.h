// SPDX-License-Identifier: Apache-2.0
// One client's replies, in the order of its requests.
//
// Replies arrive from several shards in any order and leave in request order. The reply that is
// due is appended straight to the client's output; one that is early waits in a buffer of its own.
// A queue whose client has gone drops what still arrives. Belongs to its worker's thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/slot.h"
#include "proxy/meters/exchange.h"
#include "runtime/connection.h"
#include "runtime/flat_bytes.h"
#include "runtime/ring.h"

namespace slotway::proxy {

class BlockedCall;

class ReplyQueue {
 public:
  // Counts requests; wraps around, which is harmless: far fewer are ever outstanding.
  using Sequence = std::uint32_t;

  class Owner {
   public:
    virtual ~Owner() = default;
    // A reply has left the queue, asked for with NotifyProgress(). None of these calls may destroy
    // the queue.
    virtual void OnReplyProgress() = 0;
    // The output went past its bound, or a reply broke off: the client is to be cut.
    virtual void OnOutputUnusable(std::string_view reason) = 0;
    // The client gets an error. For counting.
    virtual void OnErrorReply(std::string_view /*reply*/) {}
    // Whose queue it is, for logs.
    virtual ClientFacts Describe() const { return {}; }
  };

  ReplyQueue(Owner& owner, std::size_t output_bytes_max)
      : owner_(owner), output_bytes_max_(output_bytes_max) {}
  ReplyQueue(const ReplyQueue&) = delete;
  ReplyQueue& operator=(const ReplyQueue&) = delete;

  void SetOutputMax(std::size_t bytes) { output_bytes_max_ = bytes; }
  void Attach(runtime::Connection& connection) { connection_ = &connection; }
  // Replies go there instead of to a client: for requests within a request. Outlives the queue.
  void Capture(std::string& replies) { captured_ = &replies; }
  // The client has gone: replies are dropped from now on.
  void Detach();
  bool IsDetached() const { return connection_ == nullptr && captured_ == nullptr; }

  // Opens a place at the end. A silent reply is awaited and dropped (CLIENT REPLY OFF).
  Sequence Open(bool is_silent = false) {
    places_.PushBack(is_silent ? kSilent : kAwaited);
    return next_++;
  }
  std::size_t Outstanding() const { return places_.Size(); }
  bool IsOutstanding(Sequence sequence) const { return sequence - due_ < places_.Size(); }
  // The place that the next Open() opens.
  Sequence NextPlace() const { return next_; }
  ClientFacts Describe() const { return owner_.Describe(); }
  // Whether this reply is the next to leave.
  bool IsDue(Sequence sequence) const { return sequence == due_; }
  // How many replies have left, ever.
  Sequence Answered() const { return due_; }

  // A whole reply for the place `sequence`.
  void Deliver(Sequence sequence, std::string_view reply) {
    if (reply.starts_with('-')) [[unlikely]] owner_.OnErrorReply(reply);
    if (sequence == due_ && places_.Front() == kAwaited && connection_ != nullptr) [[likely]] {
      connection_->Output().Append(reply);
      NoteSize(reply.size());
      Advance();
      return;
    }
    DeliverSlow(sequence, reply);
  }
  // A piece of the reply that is due; Finish() ends it. For replies too large to be kept.
  void DeliverPiece(Sequence sequence, std::string_view piece);
  void Finish(Sequence sequence);
  // Something that is no reply and may stand between any two (a RESP3 push, a message). It never
  // cuts a reply that leaves in pieces in two.
  void Push(std::string_view bytes);
  // The same for what many clients get and is at least a chunk of output: kept once for all.
  // shared: by all who have still to take it.
  void PushShared(const std::shared_ptr<const std::string>& bytes);
  // The reply that is due ended in the middle: its client cannot be told, only cut.
  void BreakOff();

  // Requests kept back or redirected: while there are any, the client's later requests wait, so
  // that they cannot overtake (the order of execution on one key is the order of requests).
  void AddHeldBack() { ++held_back_; }
  void RemoveHeldBack();
  bool HasHeldBack() const { return held_back_ > 0; }

  // The call for which the client waits, while it is blocked.
  void SetBlocked(BlockedCall* call) { blocked_ = call; }
  BlockedCall* Blocked() const { return blocked_; }

  // Which slots the client has written to, in ranges: what WAIT asks about.
  static constexpr int kSlotsPerRange = protocol::kSlotCount / 64;
  void NoteWrite(protocol::Slot slot) { written_ |= RangeBit(slot); }
  bool HasWritten() const { return written_ != 0; }
  bool MayHaveWritten(protocol::Slot slot) const { return (written_ & RangeBit(slot)) != 0; }

  // Calls Owner::OnReplyProgress() whenever a reply leaves or nothing is held back any longer.
  void NotifyProgress(bool is_wanted) { is_progress_wanted_ = is_wanted; }

  // Replies of one read batch leave together: see IsBatchComplete().
  void MarkBatchEnd() {
    if (IsBatchComplete()) batch_end_ = next_;
  }
  bool IsBatchComplete() const { return static_cast<std::int32_t>(batch_end_ - due_) <= 0; }

  std::size_t EarlyBytes() const { return early_bytes_ + late_pushes_.size(); }
  // What this client has still to take.
  std::size_t WaitingBytes() const {
    return EarlyBytes() + (connection_ == nullptr ? 0 : connection_->UnwrittenBytes());
  }
  // For guessing what the outstanding replies will amount to: the largest, until others came that
  // were smaller.
  std::size_t TypicalReplyBytes() const { return static_cast<std::size_t>(typical_bytes_); }
  // Gives a burst's memory back. For queues with nothing outstanding.
  void Shrink() {
    if (places_.Empty() && places_.Capacity() > kCapacityKept) places_.Shrink();
  }

 private:
  // What stands at a place: a state, or where in early_ a reply lies that came before its turn.
  struct Place {
    std::uint32_t offset;
    std::uint32_t length;  // 0: `offset` is one of the states
    bool operator==(const Place&) const = default;
    bool IsAwaited() const { return length == 0 && offset <= 1; }
  };
  static constexpr std::size_t kCapacityKept = 32;
  static constexpr std::int64_t kTypicalAtFirst = 4096;
  static constexpr Place kAwaited{0, 0};
  static constexpr Place kSilent{1, 0};
  static constexpr Place kDone{2, 0};   // nothing to send: silent, or already sent in pieces
  static constexpr Place kLarge{3, 0};  // lies in large_early_

  static std::uint64_t RangeBit(protocol::Slot slot) {
    return std::uint64_t{1} << (protocol::ToInt(slot) / kSlotsPerRange);
  }
  void NoteSize(std::size_t bytes) {
    const auto size = static_cast<std::int64_t>(bytes);
    typical_bytes_ = std::max(size, typical_bytes_ + (size - typical_bytes_) / 8);
  }
  void Advance() {
    places_.PopFront();
    ++due_;
    connection_->MarkForFlush();
    if (connection_->UnwrittenBytes() > output_bytes_max_) ReportTooMuchOutput();
    if (!places_.Empty() && !places_.Front().IsAwaited()) ReleaseEarly();
    if (is_progress_wanted_) owner_.OnReplyProgress();
  }
  void DeliverSlow(Sequence sequence, std::string_view reply);
  void ReleaseEarly();
  void ReportTooMuchOutput();
  void Emit(std::string_view bytes);
  void CheckBound();
  void KeepEarly(Place& place, Sequence sequence, std::string_view reply);
  void SqueezeEarly();
  void SendEarly(const Place& place);

  Owner& owner_;
  std::size_t output_bytes_max_;
  runtime::Connection* connection_ = nullptr;
  std::string* captured_ = nullptr;
  runtime::Ring<Place> places_;
  Sequence due_ = 0;
  Sequence next_ = 0;
  Sequence batch_end_ = 0;
  std::uint32_t held_back_ = 0;
  std::uint64_t written_ = 0;
  BlockedCall* blocked_ = nullptr;
  // Early replies of all places, one behind the other: compact, so that a deep pipeline's replies
  // share cache lines. Rewound when none is left, squeezed when mostly used up.
  runtime::FlatBytes early_;
  std::map<Sequence, std::string> large_early_;
  std::int64_t typical_bytes_ = kTypicalAtFirst;
  std::size_t piece_bytes_ = 0;  // of the reply that leaves in pieces, so far
  std::size_t early_bytes_ = 0;  // still to leave, in both
  std::string late_pushes_;      // wait for the end of a reply that leaves in pieces
  bool is_amid_pieces_ = false;  // the reply that is due has begun to leave
  bool is_progress_wanted_ = false;
};

}  // namespace slotway::proxy
