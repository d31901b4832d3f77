// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply/reply_queue.h"

#include <cassert>
#include <utility>

namespace slotway::proxy {
namespace {

// An early reply of at least this size gets a buffer of its own.
constexpr std::size_t kLargeBytes = 16 * 1024;
// Beyond this, early_ is squeezed when less than half of it is still needed, and given back when
// nothing is.
constexpr std::size_t kEarlyBytesKept = 64 * 1024;

}  // namespace

void ReplyQueue::Detach() {
  connection_ = nullptr;
  captured_ = nullptr;
  for (std::size_t i = 0; i < places_.Size(); ++i) {
    if (!places_[i].IsAwaited()) places_[i] = kDone;
  }
  early_.Free();
  large_early_.clear();
  late_pushes_ = std::string();
  early_bytes_ = 0;
}

inline void ReplyQueue::KeepEarly(Place& place, Sequence sequence, std::string_view reply) {
  early_bytes_ += reply.size();
  NoteSize(reply.size());
  if (reply.size() >= kLargeBytes) {
    place = kLarge;
    large_early_.emplace(sequence, reply);
    return;
  }
  if (early_.Size() >= kEarlyBytesKept && early_.Size() > 2 * early_bytes_) SqueezeEarly();
  place = {static_cast<std::uint32_t>(early_.Size()), static_cast<std::uint32_t>(reply.size())};
  early_.Append(reply);
}

void ReplyQueue::DeliverSlow(Sequence sequence, std::string_view reply) {
  Place& place = places_[static_cast<Sequence>(sequence - due_)];
  assert(place.IsAwaited());
  if (place == kSilent || IsDetached()) {
    place = kDone;
  } else {
    KeepEarly(place, sequence, reply);
    if (early_bytes_ > output_bytes_max_) ReportTooMuchOutput();
  }
  if (sequence == due_) {
    ReleaseEarly();
    if (is_progress_wanted_) owner_.OnReplyProgress();
  }
}

// Moves what is still needed to the front. Amortised: half of early_ has left since the last time.
void ReplyQueue::SqueezeEarly() {
  runtime::FlatBytes squeezed;
  for (std::size_t i = 0; i < places_.Size(); ++i) {
    Place& place = places_[i];
    if (place.length == 0) continue;
    const auto offset = static_cast<std::uint32_t>(squeezed.Size());
    squeezed.Append(early_.At(place.offset, place.length));
    place.offset = offset;
  }
  early_.Swap(squeezed);
}

void ReplyQueue::SendEarly(const Place& place) {
  std::string_view reply;
  if (place == kLarge) {
    reply = large_early_.find(due_)->second;
  } else {
    reply = early_.At(place.offset, place.length);
  }
  early_bytes_ -= reply.size();
  if (!IsDetached()) Emit(reply);
  if (place == kLarge) large_early_.erase(due_);
}

void ReplyQueue::ReleaseEarly() {
  while (!places_.Empty() && !places_.Front().IsAwaited()) {
    const Place place = places_.Front();
    if (place.length > 0 && connection_ != nullptr) [[likely]] {
      early_bytes_ -= place.length;
      connection_->Output().Append(early_.At(place.offset, place.length));
    } else if (place != kDone) {
      SendEarly(place);
    }
    places_.PopFront();
    ++due_;
  }
  if (connection_ != nullptr) connection_->MarkForFlush();
  if (early_bytes_ > 0 || early_.Empty()) return;
  early_.Clear();
  if (early_.Capacity() > kEarlyBytesKept) early_.Free();
}

void ReplyQueue::DeliverPiece(Sequence sequence, std::string_view piece) {
  assert(IsDue(sequence));
  (void)sequence;
  if (IsDetached() || places_.Front() == kSilent) return;
  is_amid_pieces_ = true;
  piece_bytes_ += piece.size();
  Emit(piece);
  CheckBound();
}

void ReplyQueue::Emit(std::string_view bytes) {
  if (captured_ != nullptr) {
    captured_->append(bytes);
    return;
  }
  connection_->Output().Append(bytes);
  connection_->MarkForFlush();
}

void ReplyQueue::CheckBound() {
  std::size_t waiting = captured_ != nullptr ? captured_->size() : connection_->UnwrittenBytes();
  if (waiting > output_bytes_max_) ReportTooMuchOutput();
}

void ReplyQueue::BreakOff() {
  owner_.OnOutputUnusable("the shard was lost in the middle of a reply");
  Finish(due_);
}

void ReplyQueue::ReportTooMuchOutput() {
  owner_.OnOutputUnusable("more output than client_output_max_bytes");
}

void ReplyQueue::Finish(Sequence sequence) {
  assert(IsDue(sequence));
  (void)sequence;
  places_.Front() = kDone;
  is_amid_pieces_ = false;
  if (piece_bytes_ > 0) NoteSize(std::exchange(piece_bytes_, 0));
  if (!late_pushes_.empty()) {
    std::string pushes;
    pushes.swap(late_pushes_);
    Push(pushes);
  }
  ReleaseEarly();
  if (is_progress_wanted_) owner_.OnReplyProgress();
}

void ReplyQueue::Push(std::string_view bytes) {
  if (IsDetached()) return;
  if (is_amid_pieces_) {
    late_pushes_ += bytes;
    if (late_pushes_.size() > output_bytes_max_) ReportTooMuchOutput();
    return;
  }
  Emit(bytes);
  CheckBound();
}

// shared: see its declaration.
void ReplyQueue::PushShared(const std::shared_ptr<const std::string>& bytes) {
  if (is_amid_pieces_ || connection_ == nullptr) return Push(*bytes);
  connection_->Output().AppendShared(bytes);
  connection_->MarkForFlush();
  CheckBound();
}

void ReplyQueue::RemoveHeldBack() {
  assert(held_back_ > 0);
  --held_back_;
  if (held_back_ == 0 && is_progress_wanted_) owner_.OnReplyProgress();
}

}  // namespace slotway::proxy
