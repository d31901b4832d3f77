// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/value_copy.h"

#include <string_view>

#include "storage/engine/hash_handle.h"

namespace slotway::storage {

std::optional<ValueCopy> ValueCopy::Of(Keyspace& keyspace, const Entry& entry) {
  ValueCopy copy;
  copy.type_ = entry.type();
  copy.encoding_ = entry.encoding();
  copy.expire_at_ms_ = entry.expire_at_ms();
  switch (LayoutOf(entry.encoding())) {
    case ValueLayout::kNumber:
      copy.number_ = entry.Number();
      return copy;
    case ValueLayout::kBytes:
      copy.bytes_ = entry.Bytes();
      return copy;
    case ValueLayout::kObject:
      break;
  }
  if (entry.type() != ValueType::kHash) return std::nullopt;
  HashHandle hash(keyspace, entry);
  copy.fields_.reserve(hash.Size());
  hash.ForEach([&copy](std::string_view field, std::string_view value) {
    copy.fields_.emplace_back(field, value);
  });
  return copy;
}

void ValueCopy::StoreTo(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms) && {
  TtlChange ttl = expire_at_ms_ ? TtlChange::At(*expire_at_ms_) : TtlChange::Clear();
  if (!fields_.empty()) {
    // No listpack fits: the copy has the encoding of the original.
    constexpr HashLimits kTable{.listpack_entries_max = 0, .listpack_value_bytes_max = 0};
    HashHandle hash = HashHandle::Create(keyspace, key.slot, key.key, now_ms);
    for (const auto& [field, value] : fields_) hash.Set(field, value, kTable);
    if (expire_at_ms_) keyspace.SetExpiry(hash.entry(), *expire_at_ms_);
  } else if (encoding_ == Encoding::kInt) {
    keyspace.SetNumber(key.slot, key.key, number_, ttl, now_ms);
  } else {
    keyspace.SetBytes(key.slot, key.key, type_, encoding_, bytes_, ttl, now_ms);
  }
}

}  // namespace slotway::storage
