// SPDX-License-Identifier: Apache-2.0
// A value taken out of its key, with its time to live: to be stored under another key or in another
// database. Engine thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/engine/keyspace.h"

namespace slotway::storage {

class ValueCopy {
 public:
  // Nothing for types whose values cannot be copied yet.
  static std::optional<ValueCopy> Of(Keyspace& keyspace, const Entry& entry);
  // Overwrites what was there.
  void StoreTo(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms) &&;

 private:
  ValueType type_ = ValueType::kString;
  Encoding encoding_ = Encoding::kRaw;
  std::int64_t number_ = 0;                                  // ValueLayout::kNumber
  std::string bytes_;                                        // ValueLayout::kBytes
  std::vector<std::pair<std::string, std::string>> fields_;  // a hash that is an object
  std::optional<std::int64_t> expire_at_ms_;
};

}  // namespace slotway::storage
