// SPDX-License-Identifier: Apache-2.0
#include "storage/types/listpack_index.h"

#include <bit>

#include "storage/memory/key_hash.h"

namespace slotway::storage {

ListpackIndex::ListpackIndex(std::string_view bytes, std::uint64_t seed)
    : reader_(bytes), seed_(seed), positions_(std::bit_ceil(2 * reader_.Count() + 1), kNone) {
  NumberText digits;
  for (std::size_t at = reader_.Begin(); at != reader_.End(); at = reader_.Next(at)) {
    std::size_t slot = KeyHash(seed_, reader_.At(at).Text(digits));
    while (positions_[slot & (positions_.size() - 1)] != kNone) ++slot;
    positions_[slot & (positions_.size() - 1)] = static_cast<std::uint32_t>(at);
  }
}

bool ListpackIndex::Contains(std::string_view text) const {
  NumberText digits;
  for (std::size_t slot = KeyHash(seed_, text);; ++slot) {
    const std::uint32_t at = positions_[slot & (positions_.size() - 1)];
    if (at == kNone) return false;
    if (reader_.At(at).Text(digits) == text) return true;
  }
}

}  // namespace slotway::storage
