// SPDX-License-Identifier: Apache-2.0
// Finds texts among the elements of a listpack without going over all of them: for many lookups in
// one that does not change meanwhile.
//
// A hash table of positions, open addressing, at most half full. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "storage/types/listpack.h"

namespace slotway::storage {

class ListpackIndex {
 public:
  // The bytes of a well-formed listpack, which must outlive the index; `seed` is for hashing.
  ListpackIndex(std::string_view bytes, std::uint64_t seed);

  bool Contains(std::string_view text) const;

 private:
  // Positions begin behind the header.
  static constexpr std::uint32_t kNone = 0;

  ListpackReader reader_;
  std::uint64_t seed_;
  std::vector<std::uint32_t> positions_;  // a power of two
};

}  // namespace slotway::storage
