// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/value_copy.h"

#include <utility>

namespace slotway::storage {

ValueCopy::ValueCopy(const Entry& entry)
    : type_(entry.type()), encoding_(entry.encoding()), expire_at_ms_(entry.expire_at_ms()) {
  switch (LayoutOf(encoding_)) {
    case ValueLayout::kNumber:
      number_ = entry.Number();
      break;
    case ValueLayout::kBytes:
      bytes_ = entry.Bytes();
      break;
    case ValueLayout::kObject:
      object_ = entry.Object()->Clone();
      break;
  }
}

void ValueCopy::StoreTo(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms) && {
  TtlChange ttl = expire_at_ms_ ? TtlChange::At(*expire_at_ms_) : TtlChange::Clear();
  switch (LayoutOf(encoding_)) {
    case ValueLayout::kNumber:
      keyspace.SetNumber(key.slot, key.key, number_, ttl, now_ms);
      break;
    case ValueLayout::kBytes:
      keyspace.SetBytes(key.slot, key.key, type_, encoding_, bytes_, ttl, now_ms);
      break;
    case ValueLayout::kObject:
      keyspace.SetObject(key.slot, key.key, type_, encoding_, std::move(object_), ttl, now_ms);
      break;
  }
}

}  // namespace slotway::storage
