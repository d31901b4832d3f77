// SPDX-License-Identifier: Apache-2.0
// When small values become large ones: what the settings say of each type's encodings.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slotway::storage {

// hash-max-listpack-entries and hash-max-listpack-value.
struct HashLimits {
  std::size_t listpack_entries_max = 128;
  std::size_t listpack_value_bytes_max = 64;
};

// list-max-listpack-size: elements in one listpack if positive; -1 to -5: 4, 8, 16, 32, 64 KB.
// Of a long list, a listpack of more bytes than `packed_bytes_max` has one element.
struct ListLimits {
  std::int64_t listpack_size = -2;
  std::size_t packed_bytes_max = SIZE_MAX;
};

// set-max-intset-entries, set-max-listpack-entries and set-max-listpack-value.
struct SetLimits {
  std::size_t intset_entries_max = 512;
  std::size_t listpack_entries_max = 128;
  std::size_t listpack_value_bytes_max = 64;
};

// zset-max-listpack-entries and zset-max-listpack-value.
struct SortedSetLimits {
  std::size_t listpack_entries_max = 128;
  std::size_t listpack_value_bytes_max = 64;
};

// stream-node-max-bytes and stream-node-max-entries; 0 is no limit.
struct StreamLimits {
  std::uint64_t node_bytes_max = 4096;
  std::int64_t node_entries_max = 100;
};

struct ValueLimits {
  HashLimits hash;
  ListLimits list;
  SetLimits set;
  SortedSetLimits sorted_set;
  StreamLimits stream;
};

}  // namespace slotway::storage
