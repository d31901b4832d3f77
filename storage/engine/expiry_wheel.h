// SPDX-License-Identifier: Apache-2.0
// Wakes the keyspace when keys are due: a hierarchical timing wheel of four-byte tokens.
//
// A token names a group of keys (slot and leading hash bits), not a time: the time is in the
// record. Eight levels of 64 places; a place of level l spans 64^l ticks of 16 ms. When the wheel
// reaches a place its tokens fire, and the owner deletes what is due and adds the rest again, so a
// key is deleted at most 16 ms after its time, plus the pace of the calls.
// A record remembers the place of its token (see Record): a token that fires elsewhere is stale and
// is dropped. A later time needs no new token. Sweep() drops the stale ones that wait far ahead.
// One thread only. Pure: the clock is a parameter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "storage/memory/record_arena.h"

namespace slotway::storage {

class ExpiryWheel {
 public:
  using Token = std::uint32_t;

  // Where a token waits, as kept in a record: 0 nowhere, else 1 to 512, and the sweep mark.
  static constexpr std::uint16_t kPlaceMask = 0x3ff;
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
  //   PrefetchBuckets(token), then PrefetchRecords(token): it will be told of this token soon.

  // Advances to now_ms and fires every token reached; stops once `max_work` is done. True when all
  // was reached.
  template <class Owner>
  bool Advance(std::int64_t now_ms, std::size_t max_work, Owner& owner);
  // Drops waiting tokens that are not to be kept; a whole round takes as many calls as needed.
  template <class Owner>
  void Sweep(std::size_t max_tokens, Owner& owner);
  bool sweeping() const { return sweep_place_ != 0; }
  std::uint16_t current_mark() const { return mark_; }

  void Clear();
  std::size_t token_count() const { return token_count_; }
  std::size_t memory_bytes() const { return chunk_count_ * sizeof(Chunk); }

 private:
  static constexpr int kLevels = 8;
  static constexpr int kLevelBits = 6;
  static constexpr std::uint64_t kLevelPlaces = 64;
  static constexpr std::uint16_t kPlaces = kLevels * kLevelPlaces;

  struct Chunk {
    Chunk* next;
    std::uint32_t count;
    std::array<Token, 253> tokens;
  };
  static_assert(sizeof(Chunk) == 1024);

  static std::uint64_t DueTick(std::int64_t at_ms) {
    return at_ms < 0 ? 0 : static_cast<std::uint64_t>(at_ms / kTickMs) + 1;
  }
  Chunk*& ChainOf(std::uint16_t place) { return chains_[place - 1u]; }
  void Push(std::uint16_t place, Token token);
  Token Pop(Chunk*& chain);
  void FreeChain(Chunk*& chain);
  void SetOccupied(std::uint16_t place, bool occupied);
  // The place of level `level` that the current tick is at the start of; 0 when it is not.
  std::uint16_t PlaceDueAt(int level) const;
  template <class Owner>
  static void PrefetchAhead(const Chunk& chunk, Owner& owner);
  void StepTowards(std::uint64_t target);
  // Puts back what an unfinished sweep took out of `place`.
  void ReturnSwept(std::uint16_t place);

  RecordArena* arena_;
  std::uint64_t tick_ = 0;
  std::size_t token_count_ = 0;
  std::size_t chunk_count_ = 0;
  std::array<std::uint64_t, kLevels> occupied_{};
  std::array<Chunk*, kPlaces> chains_{};

  Chunk* sweep_chain_ = nullptr;
  std::uint16_t sweep_place_ = 0;
  std::uint16_t mark_ = 0;
};

template <class Owner>
bool ExpiryWheel::Advance(std::int64_t now_ms, std::size_t max_work, Owner& owner) {
  const auto target = static_cast<std::uint64_t>(now_ms < 0 ? 0 : now_ms / kTickMs);
  std::size_t work = 0;
  while (tick_ <= target) {
    for (int level = kLevels - 1; level >= 0; --level) {
      const std::uint16_t place = PlaceDueAt(level);
      if (place == 0) continue;
      ReturnSwept(place);
      while (ChainOf(place) != nullptr) {
        if (work >= max_work) return false;
        PrefetchAhead(*ChainOf(place), owner);
        const Token token = Pop(ChainOf(place));
        work += owner.FireToken(token, place);
      }
      SetOccupied(place, false);
    }
    if (tick_ == target) break;
    StepTowards(target);
  }
  return true;
}

template <class Owner>
void ExpiryWheel::Sweep(std::size_t max_tokens, Owner& owner) {
  if (!sweeping()) mark_ ^= kMarkBit;
  for (std::size_t looked = 0; looked < max_tokens; ++looked) {
    while (sweep_chain_ == nullptr) {
      if (sweep_place_ == kPlaces) {
        sweep_place_ = 0;
        return;
      }
      ++sweep_place_;
      std::swap(sweep_chain_, ChainOf(sweep_place_));
      SetOccupied(sweep_place_, false);
    }
    PrefetchAhead(*sweep_chain_, owner);
    const Token token = Pop(sweep_chain_);
    if (owner.KeepToken(token, sweep_place_)) Push(sweep_place_, token);
  }
}

template <class Owner>
void ExpiryWheel::PrefetchAhead(const Chunk& chunk, Owner& owner) {
  constexpr std::uint32_t kBucketsAhead = 16;
  constexpr std::uint32_t kRecordsAhead = 8;
  const auto token_ahead = [&](std::uint32_t ahead) {
    return chunk.tokens[chunk.count - 1 - ahead];
  };
  if (chunk.count > kBucketsAhead) owner.PrefetchBuckets(token_ahead(kBucketsAhead));
  if (chunk.count > kRecordsAhead) owner.PrefetchRecords(token_ahead(kRecordsAhead));
}

}  // namespace slotway::storage
