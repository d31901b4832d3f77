// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply/reply_queue.h"

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace slotway::proxy {

struct ReplyQueue::EarlyReply {
  EarlyReply* next_free;
  std::size_t size;
  std::size_t capacity;
  char* Data() { return reinterpret_cast<char*>(this + 1); }
  std::string_view View() { return {Data(), size}; }
};

// Buffers for early replies of the usual small size, per thread, so that none is allocated per
// request. Bounded: a burst's memory goes back.
class ReplyQueue::EarlyReplyPool {
 public:
  ~EarlyReplyPool() {
    while (free_ != nullptr) std::free(std::exchange(free_, free_->next_free));
  }
  EarlyReply* Take(std::string_view bytes) {
    EarlyReply* reply = nullptr;
    if (bytes.size() <= kSmallBytes && free_ != nullptr) {
      reply = std::exchange(free_, free_->next_free);
      --count_;
    } else {
      std::size_t capacity = bytes.size() <= kSmallBytes ? kSmallBytes : bytes.size();
      void* memory = std::malloc(sizeof(EarlyReply) + capacity);
      if (memory == nullptr) throw std::bad_alloc();
      reply = static_cast<EarlyReply*>(memory);
      reply->capacity = capacity;
    }
    reply->size = bytes.size();
    std::memcpy(reply->Data(), bytes.data(), bytes.size());
    return reply;
  }
  void Give(EarlyReply* reply) {
    if (reply->capacity != kSmallBytes || count_ >= kFreeMax) {
      std::free(reply);
      return;
    }
    reply->next_free = free_;
    free_ = reply;
    ++count_;
  }
  static EarlyReplyPool& OfThisThread() {
    thread_local EarlyReplyPool pool;
    return pool;
  }

 private:
  static constexpr std::size_t kSmallBytes = 232;  // 256 with the header
  static constexpr int kFreeMax = 4096;            // 1 MiB
  EarlyReply* free_ = nullptr;
  int count_ = 0;
};

ReplyQueue::~ReplyQueue() {
  for (; !places_.Empty(); places_.PopFront()) {
    if (places_.Front() > kSilentDone) {
      EarlyReplyPool::OfThisThread().Give(reinterpret_cast<EarlyReply*>(places_.Front()));
    }
  }
}

void ReplyQueue::Detach() {
  connection_ = nullptr;
  for (std::size_t i = 0; i < places_.Size(); ++i) {
    if (places_[i] <= kSilentDone) continue;
    EarlyReplyPool::OfThisThread().Give(reinterpret_cast<EarlyReply*>(places_[i]));
    places_[i] = kSilentDone;
  }
  early_bytes_ = 0;
}

void ReplyQueue::DeliverSlow(Sequence sequence, std::string_view reply) {
  Place& place = places_[static_cast<Sequence>(sequence - due_)];
  assert(place == kAwaited || place == kSilent);
  if (place == kSilent || connection_ == nullptr) {
    place = kSilentDone;
  } else {
    place = reinterpret_cast<Place>(EarlyReplyPool::OfThisThread().Take(reply));
    early_bytes_ += reply.size();
    if (early_bytes_ > output_bytes_max_) ReportTooMuchOutput();
  }
  if (sequence == due_) {
    ReleaseEarly();
    if (is_progress_wanted_) owner_.OnReplyProgress();
  }
}

void ReplyQueue::ReleaseEarly() {
  while (!places_.Empty() && places_.Front() > kSilent) {
    if (places_.Front() != kSilentDone) {
      auto* early = reinterpret_cast<EarlyReply*>(places_.Front());
      early_bytes_ -= early->size;
      if (connection_ != nullptr) {
        connection_->Output().Append(early->View());
        connection_->MarkForFlush();
      }
      EarlyReplyPool::OfThisThread().Give(early);
    }
    places_.PopFront();
    ++due_;
  }
}

void ReplyQueue::DeliverPiece(Sequence sequence, std::string_view piece) {
  assert(IsDue(sequence));
  (void)sequence;
  if (connection_ == nullptr || places_.Front() == kSilent) return;
  connection_->Output().Append(piece);
  connection_->MarkForFlush();
  if (connection_->UnwrittenBytes() > output_bytes_max_) ReportTooMuchOutput();
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
  places_.Front() = kSilentDone;
  ReleaseEarly();
  if (is_progress_wanted_) owner_.OnReplyProgress();
}

void ReplyQueue::RemoveHeldBack() {
  assert(held_back_ > 0);
  --held_back_;
  if (held_back_ == 0 && is_progress_wanted_) owner_.OnReplyProgress();
}

}  // namespace slotway::proxy
