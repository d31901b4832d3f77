// SPDX-License-Identifier: Apache-2.0
// Hashes in both encodings: a listpack of field, value, field, value...; or a table of fields.
#pragma once

#include <cstddef>

namespace slotway::storage {

// hash-max-listpack-entries and hash-max-listpack-value.
struct HashLimits {
  std::size_t listpack_entries_max = 128;
  std::size_t listpack_value_bytes_max = 64;
};

}  // namespace slotway::storage
