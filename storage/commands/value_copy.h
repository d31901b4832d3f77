// SPDX-License-Identifier: Apache-2.0
// A value taken out of its key, with its time to live: to be stored under another key or in another
// database. Engine thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "storage/engine/keyspace.h"

namespace slotway::storage {

class ValueCopy {
 public:
  explicit ValueCopy(const Entry& entry);
  // Overwrites what was there. REQUIRES: the keyspace shares the arena of the one it is from.
  void StoreTo(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms) &&;

 private:
  ValueType type_;
  Encoding encoding_;
  std::int64_t number_ = 0;              // ValueLayout::kNumber
  std::string bytes_;                    // ValueLayout::kBytes
  std::unique_ptr<ValueObject> object_;  // ValueLayout::kObject
  std::optional<std::int64_t> expire_at_ms_;
};

}  // namespace slotway::storage
