// SPDX-License-Identifier: Apache-2.0
// One key that was found: where it sits in the table, and a view of its record.
//
// An Entry and every view taken from it are valid until the next call that changes the keyspace
// (any insert, delete, expiry or in-place change, of any key); in-place changes return the new
// Entry. Engine thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/slot.h"
#include "storage/engine/record.h"
#include "storage/types/listpack.h"
#include "storage/types/value_object.h"
#include "storage/types/value_type.h"

namespace slotway::storage {

struct Bucket;

class Entry {
 public:
  Entry() = default;
  Entry(protocol::Slot slot, Bucket* bucket, int index, Record record)
      : record_(record), bucket_(bucket), slot_(slot), index_(static_cast<std::uint8_t>(index)) {}

  explicit operator bool() const { return bucket_ != nullptr; }

  protocol::Slot slot() const { return slot_; }
  std::string_view key() const { return record_.Key(); }
  ValueType type() const { return record_.type(); }
  Encoding encoding() const { return record_.encoding(); }

  // Unix time in ms after which the key is gone; nothing when it has no TTL.
  std::optional<std::int64_t> expire_at_ms() const { return record_.ExpireAtMs(); }

  // REQUIRES: LayoutOf(encoding()) is kNumber, kBytes, kObject respectively.
  std::int64_t Number() const { return record_.Number(); }
  std::string_view Bytes() const { return record_.ValueBytes(); }
  ValueObject* Object() const { return record_.Object(); }

 private:
  friend class Keyspace;

  Record record_;
  Bucket* bucket_ = nullptr;
  protocol::Slot slot_{};
  std::uint8_t index_ = 0;
};

// The text of a string value. A number is printed into `buffer`, everything else is viewed in
// place. REQUIRES: entry.type() == ValueType::kString.
std::string_view StringText(const Entry& entry, NumberText& buffer);
std::size_t StringLength(const Entry& entry);

}  // namespace slotway::storage
