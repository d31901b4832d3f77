// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/expiry_wheel.h"

#include <algorithm>
#include <utility>

namespace slotway::storage {

std::uint16_t ExpiryWheel::Add(Token token, std::int64_t at_ms) {
  const std::uint64_t due = std::max(DueTick(at_ms), tick_);
  // Of the level below's span of time: this one or the next.
  int level = 0;
  while (level + 1 < kLevels &&
         (due >> (level + 1) * kLevelBits) - (tick_ >> (level + 1) * kLevelBits) > 1) {
    ++level;
  }
  const std::uint16_t place = PlaceOf(level, due >> level * kLevelBits);
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
  return ahead == 0 || (now + ahead) << shift <= DueTick(at_ms);
}

void ExpiryWheel::Push(std::uint16_t place, Token token) {
  Chunk*& chain = ChainOf(place);
  if (chain == nullptr || chain->count == chain->tokens.size()) {
    auto* chunk = reinterpret_cast<Chunk*>(arena_->Allocate(sizeof(Chunk)));
    chunk->next = chain;
    chunk->count = 0;
    chunk->index = static_cast<std::uint32_t>(chunks_.size());
    chunks_.push_back(chunk);
    chain = chunk;
    SetOccupied(place, true);
  }
  chain->tokens[chain->count++] = token;
  ++token_count_;
}

std::span<ExpiryWheel::Token> ExpiryWheel::PopBatch(Chunk*& chain,
                                                    std::array<Token, kBatch>& batch) {
  const std::uint32_t count = std::min(chain->count, kBatch);
  chain->count -= count;
  token_count_ -= count;
  // The last comes first.
  for (std::uint32_t i = 0; i < count; ++i) batch[i] = chain->tokens[chain->count + count - 1 - i];
  if (chain->count == 0) {
    Chunk* const empty = chain;
    chain = empty->next;
    FreeChunk(empty);
  }
  return {batch.data(), count};
}

void ExpiryWheel::SetOccupied(std::uint16_t place, bool occupied) {
  const unsigned index = place - 1u;
  const std::uint64_t bit = std::uint64_t{1} << index % 64;
  std::uint64_t& word = occupied_[index / 64];
  word = occupied ? word | bit : word & ~bit;
}

// While the lower levels hold nothing, nothing is handed down before the next place of the first
// level that does.
std::uint64_t ExpiryWheel::NextTick(std::uint64_t target) const {
  int level = 0;
  const int swept_level =
      sweep_chain_ == nullptr ? kLevels : (sweep_place_ - 1) / static_cast<int>(kLevelPlaces);
  while (level < kLevels && IsLevelEmpty(level) && level != swept_level) ++level;
  if (level == kLevels) return target;
  const int shift = level * kLevelBits;
  return std::min(((tick_ >> shift) + 1) << shift, target);
}

std::uint16_t ExpiryWheel::PlaceToEmptyBefore(std::uint64_t next) const {
  for (int level = 1; level < kLevels; ++level) {
    const int shift = level * kLevelBits;
    const std::uint64_t count = next >> shift;
    if (count == tick_ >> shift) break;
    const std::uint16_t place = PlaceOf(level, count);
    if (chains_[place - 1u] != nullptr) return place;
    if (place == sweep_place_ && sweep_chain_ != nullptr) return place;
  }
  return 0;
}

void ExpiryWheel::ReturnSwept(std::uint16_t place) {
  if (place != sweep_place_ || sweep_chain_ == nullptr) return;
  Chunk** end = &ChainOf(place);
  while (*end != nullptr) end = &(*end)->next;
  *end = std::exchange(sweep_chain_, nullptr);
}

void ExpiryWheel::FreeChain(Chunk*& chain) {
  while (chain != nullptr) FreeChunk(std::exchange(chain, chain->next));
}

void ExpiryWheel::FreeChunk(Chunk* chunk) {
  chunks_[chunk->index] = chunks_.back();
  chunks_[chunk->index]->index = chunk->index;
  chunks_.pop_back();
  if (chunks_.size() <= chunks_.capacity() / 4) chunks_.shrink_to_fit();
  arena_->Free(reinterpret_cast<std::byte*>(chunk));
}

void ExpiryWheel::Clear() {
  for (Chunk*& chain : chains_) FreeChain(chain);
  FreeChain(sweep_chain_);
  occupied_.fill(0);
  sweep_place_ = 0;
  token_count_ = 0;
}

}  // namespace slotway::storage
