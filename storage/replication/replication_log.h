// SPDX-License-Identifier: Apache-2.0
// The stream of changes as it has to be kept: for replicas that come back, and for those that are
// slower than it grows. Bytes are kept once for all of them.
//
// Offsets count the bytes of the stream since its history began: offset N is behind the N-th byte.
// Readers are positions; what neither they nor the wanted length need is given up. A reader that is
// too far behind is the caller's to drop. Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "runtime/byte_queue.h"

namespace slotway::storage {

class ReplicationLog {
 public:
  // Begins anew behind `offset`, empty. REQUIRES: no readers.
  void Reset(std::int64_t offset);
  void SetWantedBytes(std::size_t bytes);

  void Append(std::string_view bytes);
  // Behind the last byte.
  std::int64_t Offset() const { return base_ + static_cast<std::int64_t>(bytes_.End()); }
  // Behind this one bytes are kept.
  std::int64_t FirstOffset() const { return base_ + static_cast<std::int64_t>(bytes_.Begin()); }
  // Whether all behind `offset` can be read.
  bool Has(std::int64_t offset) const { return offset >= FirstOffset() && offset <= Offset(); }
  std::size_t Bytes() const { return bytes_.Size(); }

  // ---- Readers ----

  // REQUIRES: Has(offset).
  void AddReader(std::int64_t offset) { readers_.insert(offset); }
  void RemoveReader(std::int64_t offset);
  // Copies up to `bytes_max` bytes behind `offset` to `out`; moves a reader from there to behind
  // them. Returns the new place.
  std::int64_t Read(std::int64_t offset, std::size_t bytes_max, runtime::ByteQueue& out);

 private:
  void Trim();

  runtime::ByteQueue bytes_;
  std::int64_t base_ = 0;  // the offset of position 0
  std::size_t wanted_bytes_ = 0;
  std::multiset<std::int64_t> readers_;
};

}  // namespace slotway::storage
