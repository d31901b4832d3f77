// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/eviction_pool.h"

#include <algorithm>

namespace slotway::storage {

void EvictionPool::Offer(const Candidate& candidate) {
  const auto begin = candidates_.begin();
  auto end = begin + static_cast<std::ptrdiff_t>(count_);
  const auto same = std::find_if(begin, end, [&](const Candidate& other) {
    return other.mark.ref == candidate.mark.ref && other.mark.hash == candidate.mark.hash;
  });
  if (same != end) {
    end = std::move(same + 1, end, same);
  } else if (count_ == kCapacity) {
    if (candidate.rank <= candidates_[0].rank) return;
    end = std::move(begin + 1, end, begin);
  }
  const auto place =
      std::find_if(begin, end, [&](const Candidate& other) { return other.rank > candidate.rank; });
  std::move_backward(place, end, end + 1);
  *place = candidate;
  count_ = static_cast<std::size_t>(end + 1 - begin);
}

}  // namespace slotway::storage
