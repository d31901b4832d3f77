// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/reply_room.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace slotway::proxy {

bool ReplyRoom::TryTake(std::size_t bytes) {
  if (!line_.empty() || !Fits(bytes)) return false;
  taken_bytes_ += bytes;
  return true;
}

void ReplyRoom::LeaveLine(Place place) {
  line_.erase(place);
  CallNext();
}

void ReplyRoom::GiveBack(std::size_t bytes) {
  assert(taken_bytes_ >= bytes);
  taken_bytes_ -= bytes;
  CallNext();
}

void ReplyRoom::CallNext() {
  while (!line_.empty() && Fits(line_.front().bytes)) {
    Standing next = line_.front();
    line_.pop_front();
    taken_bytes_ += next.bytes;
    next.guest->OnRoom(next.bytes);
  }
}

ReplyClaims::~ReplyClaims() {
  Withdraw();
  for (const Claim& claim : taken_) claim.room->GiveBack(claim.bytes);
}

bool ReplyClaims::Take(ReplyRoom& room, std::size_t bytes, ReplyQueue::Sequence sequence) {
  if (line_ == &room) return false;
  LeaveLine();
  if (offered_in_ == &room) {
    taken_.push_back({std::exchange(offered_in_, nullptr), offered_bytes_, sequence});
    return true;
  }
  GiveUpOffer();
  if (room.TryTake(bytes)) {
    taken_.push_back({&room, bytes, sequence});
    return true;
  }
  place_ = room.StandInLine(*this, bytes);
  line_ = &room;
  return false;
}

// Sequences wrap around.
void ReplyClaims::NoteAnswered(ReplyQueue::Sequence sequence) {
  auto is_answered = [sequence](const Claim& claim) {
    return static_cast<std::int32_t>(claim.sequence - sequence) < 0;
  };
  auto first_left = std::find_if_not(taken_.begin(), taken_.end(), is_answered);
  for (auto claim = taken_.begin(); claim != first_left; ++claim) {
    claim->room->GiveBack(claim->bytes);
  }
  taken_.erase(taken_.begin(), first_left);
}

void ReplyClaims::GiveUpOffer() {
  if (offered_in_ != nullptr) std::exchange(offered_in_, nullptr)->GiveBack(offered_bytes_);
}

void ReplyClaims::LeaveLine() {
  if (line_ != nullptr) std::exchange(line_, nullptr)->LeaveLine(place_);
}

void ReplyClaims::Withdraw() {
  LeaveLine();
  GiveUpOffer();
}

void ReplyClaims::OnRoom(std::size_t bytes) {
  offered_in_ = std::exchange(line_, nullptr);
  offered_bytes_ = bytes;
  on_room_();
}

}  // namespace slotway::proxy
