// SPDX-License-Identifier: Apache-2.0
// Choosing some of many so that every choice is equally likely.
#pragma once

#include <cstddef>

namespace slotway::storage {

// Selection sampling: goes over all of them once, in their order, and takes `wanted`.
class Selection {
 public:
  // REQUIRES: wanted <= total.
  Selection(std::size_t wanted, std::size_t total) : wanted_(wanted), left_(total) {}

  bool IsDone() const { return wanted_ == 0; }
  // Whether the next one is taken. `next` returns uniform 64-bit numbers.
  // REQUIRES: called no more often than there are things to choose from.
  template <class RandomFn>
  bool TakesNext(RandomFn&& next) {
    if (wanted_ == 0) return false;
    // The next of `left` has the chance wanted / left.
    const bool takes = next() % left_ < wanted_;
    --left_;
    if (takes) --wanted_;
    return takes;
  }

 private:
  std::size_t wanted_;
  std::size_t left_;
};

}  // namespace slotway::storage
