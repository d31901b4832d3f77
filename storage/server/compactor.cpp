// SPDX-License-Identifier: Apache-2.0
#include "storage/server/compactor.h"

#include <algorithm>

#include "runtime/clock.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kStepUs = 500;
constexpr std::size_t kKeysAtATime = 200;
// Less free memory than this, or than this part of what is in use, is left as it is.
constexpr std::size_t kWasteMinBytes = 8 * 1024 * 1024;
constexpr std::size_t kWastePart = 8;

}  // namespace

void Compactor::Look() {
  RecordArena& arena = server_.arena;
  const std::size_t tolerated = std::max(kWasteMinBytes, arena.allocated_bytes() / kWastePart);
  if (is_running_ || arena.FreeSlabBytes() <= tolerated || arena.MarkSparse() == 0) return;
  is_running_ = true;
  db_index_ = 0;
  cursor_ = 0;
}

void Compactor::Step() {
  if (!is_running_) return;
  const std::uint64_t end_us = runtime::MonotonicUs() + kStepUs;
  while (db_index_ < server_.DatabaseCount()) {
    Keyspace* database = server_.DatabaseIfUsed(db_index_);
    if (database != nullptr) cursor_ = database->MoveOffSparsePages(cursor_, kKeysAtATime);
    if (cursor_ == 0) ++db_index_;
    if (runtime::MonotonicUs() >= end_us) return;
  }
  server_.arena.UnmarkSparse();
  is_running_ = false;
}

}  // namespace slotway::storage
