// SPDX-License-Identifier: Apache-2.0
// Wakes the keyspace when keys are due: a hierarchical timing wheel of four-byte tokens.
//
// A token names a group of keys (slot and leading hash bits), not a time: the time is in the
// record. A place of level l spans 64^l ticks of 16 ms. When the wheel reaches a place of level 0
// its tokens fire, and the owner deletes what is due and adds the rest again, so a key is deleted
// at most 16 ms after its time, plus the pace of the calls. Places of the other levels are handed
// down one place ahead of their time, when nothing else is to be done: so a million tokens that are
// not due yet keep none waiting that is. For that a level has 128 places, not 64. A record
// remembers the place of its token (see Record): a token that fires elsewhere is stale and is
// dropped. A later time needs no new token. Sweep() drops the stale ones that wait far ahead. One
// thread only. Pure: the clock is a parameter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "storage/memory/record_arena.h"

namespace slotway::storage {

class ExpiryWheel {
 public:
  using Token = std::uint32_t;

  // Where a token waits, as kept in a record: 0 nowhere, else 1 to 1024, and the sweep mark.
  static constexpr std::uint16_t kPlaceMask = 0x7ff;
  static constexpr std::uint16_t kMarkBit = 0x8000;
  static constexpr std::int64_t kTickMs = 16;

  explicit ExpiryWheel(RecordArena& arena) : arena_(&arena) {}
  ExpiryWheel(const ExpiryWheel&) = delete;
  ExpiryWheel& operator=(const ExpiryWheel&) = delete;
  ~ExpiryWheel() { Clear(); }

  // Files `token` to fire once `at_ms` has passed, or earlier. Returns what the record keeps.
  std::uint16_t Add(Token token, std::int64_t at_ms);
  // Whether a token at `place` fires early enough for `at_ms`.
  bool Covers(std::uint16_t place, std::int64_t at_ms) const;

  // What follows is told to an Owner, which has:
  //   FireToken(token, place) -> units of work done; may call Add.
  //   KeepToken(token, place) -> bool: true once for each record whose place is `place` and whose
  //     mark differs from current_mark(), which it gives that mark.
  //   PrefetchTokens(tokens): it will be told of each of these next.

  // Advances to now_ms, fires every token reached and hands down what comes next; stops once about
  // `max_work` is done. True when all was done.
  template <class Owner>
  bool Advance(std::int64_t now_ms, std::size_t max_work, Owner& owner);
  // Drops waiting tokens that are not to be kept; a whole round takes as many calls as needed.
  template <class Owner>
  void Sweep(std::size_t max_tokens, Owner& owner);
  bool sweeping() const { return sweep_place_ != 0; }
  std::uint16_t current_mark() const { return mark_; }

  // Any token, all equally likely. `next` returns uniform 64-bit numbers.
  // REQUIRES: token_count() > 0.
  template <class RandomFn>
  Token RandomToken(RandomFn&& next) const;
  // Looks at tokens, `first` saying where to begin, until is_it(token) is true or all were seen.
  template <class MatchFn>
  void FindToken(std::uint64_t first, MatchFn&& is_it) const;

  void Clear();
  std::size_t token_count() const { return token_count_; }
  std::size_t memory_bytes() const {
    return chunks_.size() * sizeof(Chunk) + chunks_.capacity() * sizeof(Chunk*);
  }

 private:
  static constexpr int kLevels = 8;
  static constexpr int kLevelBits = 6;
  static constexpr std::uint64_t kLevelPlaces = 128;
  static constexpr std::uint16_t kPlaces = kLevels * kLevelPlaces;
  static_assert(kPlaces <= kPlaceMask);
  // How many tokens are looked at together: enough to overlap the waits for memory.
  static constexpr std::uint32_t kBatch = 64;

  struct Chunk {
    Chunk* next;
    std::uint32_t count;
    std::uint32_t index;  // in chunks_
    std::array<Token, 252> tokens;
  };
  static_assert(sizeof(Chunk) == 1024);

  static std::uint64_t DueTick(std::int64_t at_ms) {
    return at_ms < 0 ? 0 : static_cast<std::uint64_t>(at_ms / kTickMs) + 1;
  }
  Chunk*& ChainOf(std::uint16_t place) { return chains_[place - 1u]; }
  void Push(std::uint16_t place, Token token);
  // The last tokens of the chain's first chunk, up to kBatch of them.
  std::span<Token> PopBatch(Chunk*& chain, std::array<Token, kBatch>& batch);
  void FreeChain(Chunk*& chain);
  void FreeChunk(Chunk* chunk);
  void SetOccupied(std::uint16_t place, bool occupied);
  bool IsLevelEmpty(int level) const {
    const auto first = static_cast<std::size_t>(level) * 2;
    return (occupied_[first] | occupied_[first + 1]) == 0;
  }
  // The place of level `level` that stands for its `count`th span of time.
  static std::uint16_t PlaceOf(int level, std::uint64_t count) {
    return static_cast<std::uint16_t>(1 + static_cast<std::uint64_t>(level) * kLevelPlaces +
                                      (count & (kLevelPlaces - 1)));
  }
  // Fires what waits at `place` until `work` reaches max_work; whether all did.
  template <class Owner>
  bool FirePlace(std::uint16_t place, std::size_t max_work, std::size_t& work, Owner& owner);
  // The tick to go on with, at most `target`: nothing fires before it.
  std::uint64_t NextTick(std::uint64_t target) const;
  // A place that must be empty before the current tick is `next`, and is not; 0 when there is none.
  std::uint16_t PlaceToEmptyBefore(std::uint64_t next) const;
  // Puts back what an unfinished sweep took out of `place`.
  void ReturnSwept(std::uint16_t place);

  RecordArena* arena_;
  std::uint64_t tick_ = 0;
  std::size_t token_count_ = 0;
  std::vector<Chunk*> chunks_;                          // all there are, in any order
  std::array<std::uint64_t, kPlaces / 64> occupied_{};  // a bit for each place
  std::array<Chunk*, kPlaces> chains_{};

  Chunk* sweep_chain_ = nullptr;
  std::uint16_t sweep_place_ = 0;
  std::uint16_t mark_ = 0;
};

template <class Owner>
bool ExpiryWheel::FirePlace(std::uint16_t place, std::size_t max_work, std::size_t& work,
                            Owner& owner) {
  ReturnSwept(place);
  Chunk*& chain = ChainOf(place);
  while (chain != nullptr) {
    if (work >= max_work) return false;
    std::array<Token, kBatch> buffer;
    const std::span<const Token> batch = PopBatch(chain, buffer);
    owner.PrefetchTokens(batch);
    for (const Token token : batch) work += owner.FireToken(token, place);
  }
  SetOccupied(place, false);
  return true;
}

template <class Owner>
bool ExpiryWheel::Advance(std::int64_t now_ms, std::size_t max_work, Owner& owner) {
  const auto target = static_cast<std::uint64_t>(now_ms < 0 ? 0 : now_ms / kTickMs);
  std::size_t work = 0;
  while (FirePlace(PlaceOf(0, tick_), max_work, work, owner)) {
    if (tick_ >= target) {
      for (int level = 1; level < kLevels; ++level) {
        const std::uint64_t ahead = (tick_ >> level * kLevelBits) + 1;
        if (!FirePlace(PlaceOf(level, ahead), max_work, work, owner)) return false;
      }
      return true;
    }
    std::uint64_t next = NextTick(target);
    while (const std::uint16_t place = PlaceToEmptyBefore(next)) {
      if (!FirePlace(place, max_work, work, owner)) return false;
      next = NextTick(target);
    }
    tick_ = next;
  }
  return false;
}

template <class Owner>
void ExpiryWheel::Sweep(std::size_t max_tokens, Owner& owner) {
  if (!sweeping()) mark_ ^= kMarkBit;
  for (std::size_t looked = 0; looked < max_tokens;) {
    while (sweep_chain_ == nullptr) {
      if (sweep_place_ == kPlaces) {
        sweep_place_ = 0;
        return;
      }
      ++sweep_place_;
      std::swap(sweep_chain_, ChainOf(sweep_place_));
      SetOccupied(sweep_place_, false);
    }
    std::array<Token, kBatch> buffer;
    const std::span<const Token> batch = PopBatch(sweep_chain_, buffer);
    looked += batch.size();
    owner.PrefetchTokens(batch);
    for (const Token token : batch) {
      if (owner.KeepToken(token, sweep_place_)) Push(sweep_place_, token);
    }
  }
}

template <class RandomFn>
ExpiryWheel::Token ExpiryWheel::RandomToken(RandomFn&& next) const {
  while (true) {
    const std::uint64_t random = next();
    const Chunk& chunk = *chunks_[(random >> 32) % chunks_.size()];
    const std::size_t index = (random & 0xffffffff) % chunk.tokens.size();
    if (index < chunk.count) return chunk.tokens[index];
  }
}

template <class MatchFn>
void ExpiryWheel::FindToken(std::uint64_t first, MatchFn&& is_it) const {
  for (std::size_t looked = 0; looked < chunks_.size(); ++looked) {
    const Chunk& chunk = *chunks_[(first % chunks_.size() + looked) % chunks_.size()];
    for (std::uint32_t i = 0; i < chunk.count; ++i) {
      if (is_it(chunk.tokens[i])) return;
    }
  }
}

}  // namespace slotway::storage
