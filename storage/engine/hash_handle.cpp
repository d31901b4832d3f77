// SPDX-License-Identifier: Apache-2.0
#include "storage/engine/hash_handle.h"

#include <memory>
#include <utility>

#include "storage/memory/random_choice.h"

namespace slotway::storage {

HashHandle HashHandle::Create(Keyspace& keyspace, const KeyRef& key, std::int64_t now_ms) {
  const Entry entry = keyspace.SetBytes(key.slot, key.key, kType, Encoding::kListpack,
                                        Listpack().bytes(), TtlChange::Clear(), now_ms);
  return {keyspace, entry};
}

std::size_t HashHandle::Size() const {
  return IsTable() ? table().ElementCount() : reader().Count() / 2;
}

std::optional<std::string_view> HashHandle::Get(std::string_view field) {
  if (IsTable()) return table().Get(field);
  const ListpackReader fields = reader();
  const std::size_t at = fields.Find(field, fields.Begin(), 2);
  if (at == fields.End()) return std::nullopt;
  return fields.At(fields.Next(at)).Text(number_text_);
}

bool HashHandle::Set(std::string_view field, std::string_view value, const HashLimits& limits) {
  if (!IsTable()) {
    const bool is_short = field.size() <= limits.listpack_value_bytes_max &&
                          value.size() <= limits.listpack_value_bytes_max;
    const std::size_t at = is_short ? reader().Find(field, reader().Begin(), 2) : reader().End();
    if (is_short && at != reader().End()) {
      listpack().Replace(reader().Next(at), value);
      return false;
    }
    if (is_short && Size() < limits.listpack_entries_max) {
      listpack().Append(field);
      listpack().Append(value);
      return true;
    }
    ConvertToTable();
  }
  const std::size_t bytes_before = table().MemoryBytes();
  const bool is_new = table().Set(field, value);
  keyspace_->ObjectChanged(entry_, bytes_before);
  return is_new;
}

void HashHandle::ConvertToTable() {
  auto object = std::make_unique<HashTable>(keyspace_->arena(), keyspace_->hash_seed());
  ForEach([&](std::string_view field, std::string_view value) { object->Set(field, value); });
  entry_ = keyspace_->ReplaceObject(entry_, Encoding::kHashtable, std::move(object));
}

bool HashHandle::Delete(std::string_view field) {
  if (IsTable()) {
    const std::size_t bytes_before = table().MemoryBytes();
    const bool existed = table().Delete(field);
    keyspace_->ObjectChanged(entry_, bytes_before);
    return existed;
  }
  const std::size_t at = reader().Find(field, reader().Begin(), 2);
  if (at == reader().End()) return false;
  listpack().Erase(at, 2);
  return true;
}

void HashHandle::ForEach(const FieldCallback& callback) const {
  if (IsTable()) {
    table().ForEach(callback);
    return;
  }
  const ListpackReader fields = reader();
  NumberText field_text;
  NumberText value_text;
  for (std::size_t at = fields.Begin(); at != fields.End();) {
    const std::size_t value_at = fields.Next(at);
    callback(fields.At(at).Text(field_text), fields.At(value_at).Text(value_text));
    at = fields.Next(value_at);
  }
}

std::uint64_t HashHandle::Scan(std::uint64_t cursor, std::size_t count,
                               const FieldCallback& callback) const {
  if (IsTable()) return table().Scan(cursor, count, callback);
  ForEach(callback);
  return 0;
}

void HashHandle::RandomField(std::uint64_t random, const FieldCallback& callback) const {
  if (IsTable()) {
    auto next = [state = random]() mutable {
      // Steps of an odd constant through a mixer: SplitMix64.
      state += 0x9e3779b97f4a7c15;
      return FoldedProduct(state ^ state >> 30, 0xbf58476d1ce4e5b9);
    };
    table().VisitRandom(next, callback);
    return;
  }
  const ListpackReader fields = reader();
  const std::size_t at = fields.Seek(static_cast<std::int64_t>(random % Size() * 2));
  NumberText field_text;
  NumberText value_text;
  callback(fields.At(at).Text(field_text), fields.At(fields.Next(at)).Text(value_text));
}

void HashHandle::RandomDistinctFields(std::size_t count, const RandomSource& next,
                                      const FieldCallback& callback) const {
  if (IsTable()) {
    table().VisitRandomDistinct(count, next, callback);
    return;
  }
  Selection selection(count, Size());
  ForEach([&](std::string_view field, std::string_view value) {
    if (selection.TakesNext(next)) callback(field, value);
  });
}

}  // namespace slotway::storage
