// SPDX-License-Identifier: Apache-2.0
// The best of the keys that were seen lately as candidates to go, the best one last.
//
// One key in a sample is often a poor choice, the best of the last few samples rarely is. A
// candidate is a mark and may be out of date: who takes it looks at the key again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "storage/engine/eviction.h"

namespace slotway::storage {

class EvictionPool {
 public:
  static constexpr std::size_t kCapacity = 16;

  struct Candidate {
    std::uint64_t rank = 0;
    KeyMark mark;
    int db_index = 0;
  };

  bool IsEmpty() const { return count_ == 0; }
  void Clear() { count_ = 0; }
  // Whether a candidate of this rank would find a place.
  bool HasPlaceFor(std::uint64_t rank) const {
    return count_ < kCapacity || rank > candidates_[0].rank;
  }
  // Drops the worst one if need be. A key is in the pool once.
  void Offer(const Candidate& candidate);
  // REQUIRES: !IsEmpty().
  Candidate TakeBest() { return candidates_[--count_]; }

 private:
  std::array<Candidate, kCapacity> candidates_;  // by rank
  std::size_t count_ = 0;
};

}  // namespace slotway::storage
