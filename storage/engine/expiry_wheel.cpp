// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/expiry_wheel.h"

#include <algorithm>
#include <utility>

namespace slotway::storage {

std::uint16_t ExpiryWheel::Add(Token token, std::int64_t at_ms) {
  const std::uint64_t due = std::max(DueTick(at_ms), tick_);
  int level = 0;
  while (level + 1 < kLevels &&
         (due >> level * kLevelBits) - (tick_ >> level * kLevelBits) >= kLevelPlaces) {
    ++level;
  }
  const std::uint64_t index = due >> level * kLevelBits & (kLevelPlaces - 1);
  const auto place = static_cast<std::uint16_t>(1 + level * kLevelPlaces + index);
  Push(place, token);
  // A round under way has yet to see the places after its own: there a record must look unseen.
  const bool unseen = sweeping() && place > sweep_place_;
  return static_cast<std::uint16_t>(place | (unseen ? mark_ ^ kMarkBit : mark_));
}

bool ExpiryWheel::Covers(std::uint16_t place, std::int64_t at_ms) const {
  place &= kPlaceMask;
  if (place == 0) return false;
  const int shift = (place - 1) / static_cast<int>(kLevelPlaces) * kLevelBits;
  const std::uint64_t now = tick_ >> shift;
  const std::uint64_t ahead = (place - 1u - now) & (kLevelPlaces - 1);
  // Its own place of an upper level holds nothing but what is firing now.
  return ahead == 0 || (now + ahead) << shift <= DueTick(at_ms);
}

void ExpiryWheel::Push(std::uint16_t place, Token token) {
  Chunk*& chain = ChainOf(place);
  if (chain == nullptr || chain->count == chain->tokens.size()) {
    auto* chunk = reinterpret_cast<Chunk*>(arena_->Allocate(sizeof(Chunk)));
    chunk->next = chain;
    chunk->count = 0;
    chain = chunk;
    ++chunk_count_;
    SetOccupied(place, true);
  }
  chain->tokens[chain->count++] = token;
  ++token_count_;
}

ExpiryWheel::Token ExpiryWheel::Pop(Chunk*& chain) {
  const Token token = chain->tokens[--chain->count];
  --token_count_;
  if (chain->count == 0) {
    Chunk* const empty = chain;
    chain = empty->next;
    arena_->Free(reinterpret_cast<std::byte*>(empty));
    --chunk_count_;
  }
  return token;
}

void ExpiryWheel::SetOccupied(std::uint16_t place, bool occupied) {
  const unsigned index = place - 1u;
  const std::uint64_t bit = std::uint64_t{1} << index % kLevelPlaces;
  std::uint64_t& level = occupied_[index / kLevelPlaces];
  level = occupied ? level | bit : level & ~bit;
}

std::uint16_t ExpiryWheel::PlaceDueAt(int level) const {
  const int shift = level * kLevelBits;
  if ((tick_ & ((std::uint64_t{1} << shift) - 1)) != 0) return 0;
  const std::uint64_t index = tick_ >> shift & (kLevelPlaces - 1);
  return static_cast<std::uint16_t>(1 + static_cast<std::uint64_t>(level) * kLevelPlaces + index);
}

// While the lower levels hold nothing, nothing fires before the next place of the first level that
// does.
void ExpiryWheel::StepTowards(std::uint64_t target) {
  int level = 0;
  const std::uint16_t swept_level =
      sweep_chain_ == nullptr ? kLevels : (sweep_place_ - 1) / kLevelPlaces;
  while (level < kLevels && occupied_[static_cast<std::size_t>(level)] == 0 &&
         level != swept_level) {
    ++level;
  }
  const int shift = level * kLevelBits;
  const std::uint64_t next = level == kLevels ? target : ((tick_ >> shift) + 1) << shift;
  tick_ = std::min(next, target);
}

void ExpiryWheel::ReturnSwept(std::uint16_t place) {
  if (place != sweep_place_ || sweep_chain_ == nullptr) return;
  Chunk** end = &ChainOf(place);
  while (*end != nullptr) end = &(*end)->next;
  *end = std::exchange(sweep_chain_, nullptr);
}

void ExpiryWheel::FreeChain(Chunk*& chain) {
  while (chain != nullptr) {
    Chunk* const chunk = std::exchange(chain, chain->next);
    arena_->Free(reinterpret_cast<std::byte*>(chunk));
  }
}

void ExpiryWheel::Clear() {
  for (Chunk*& chain : chains_) FreeChain(chain);
  FreeChain(sweep_chain_);
  occupied_.fill(0);
  sweep_place_ = 0;
  token_count_ = chunk_count_ = 0;
}

}  // namespace slotway::storage
