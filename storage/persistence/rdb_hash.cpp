// SPDX-License-Identifier: Apache-2.0
// Hashes in RDB's form: type 4 is the fields with their values, type 16 a listpack of them, type 13 a
// ziplist, type 9 a zipmap.
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "storage/engine/hash_handle.h"
#include "storage/persistence/rdb_value.h"
#include "storage/persistence/ziplist.h"
#include "storage/persistence/zipmap.h"
#include "storage/types/listpack.h"

namespace slotway::storage {
namespace {

using FieldsAndValues = std::vector<std::pair<std::string, std::string>>;

RestoreResult StoreHash(const FieldsAndValues& fields, const RestoreTarget& target) {
  if (fields.size() > target.limits.hash.listpack_entries_max) {
    auto table = std::make_unique<HashTable>(target.keyspace.arena(), TableSeed(target));
    for (const auto& [field, value] : fields) table->Set(field, value);
    target.keyspace.SetObject(target.key.slot, target.key.key, ValueType::kHash,
                              Encoding::kHashtable, std::move(table), TtlChange::Clear(),
                              target.now_ms);
    return RestoreResult::kDone;
  }
  HashHandle hash = HashHandle::Create(target.keyspace, target.key, target.now_ms);
  for (const auto& [field, value] : fields) hash.Set(field, value, target.limits.hash);
  return RestoreResult::kDone;
}

FieldsAndValues FieldsOf(const ListpackReader& listpack) {
  FieldsAndValues fields;
  NumberText buffer;
  for (std::size_t at = listpack.Begin(); at != listpack.End();) {
    std::string field(listpack.At(at).Text(buffer));
    at = listpack.Next(at);
    fields.emplace_back(std::move(field), listpack.At(at).Text(buffer));
    at = listpack.Next(at);
  }
  return fields;
}

// A listpack from outside, stored as it is if there are few fields in it.
RestoreResult StoreHashListpack(std::string_view bytes, const RestoreTarget& target) {
  if (!IsValidHashListpack(bytes)) return RestoreResult::kBadData;
  const ListpackReader listpack(bytes);
  const std::size_t count = listpack.Count() / 2;
  if (count == 0) return RestoreResult::kBadData;
  if (count > target.limits.hash.listpack_entries_max) {
    return StoreHash(FieldsOf(listpack), target);
  }
  target.keyspace.SetBytes(target.key.slot, target.key.key, ValueType::kHash, Encoding::kListpack,
                           bytes, TtlChange::Clear(), target.now_ms);
  return RestoreResult::kDone;
}

}  // namespace

void WriteRdbHash(RdbWriter& writer, Keyspace& keyspace, const Entry& entry) {
  if (entry.encoding() == Encoding::kListpack) {
    writer.Type(RdbType::kHashListpack);
    writer.String(entry.Bytes());
    return;
  }
  HashHandle hash(keyspace, entry);
  writer.Type(RdbType::kHash);
  writer.Length(hash.Size());
  hash.ForEach([&writer](std::string_view field, std::string_view value) {
    writer.String(field);
    writer.String(value);
  });
}

RestoreResult ReadRdbHash(RdbReader& reader, const RestoreTarget& target) {
  std::uint64_t count = reader.Length();
  // Every field takes two bytes at least: a count beyond that is a lie.
  if (count == 0 || count > reader.BytesLeft() / 2) return RestoreResult::kBadData;
  FieldsAndValues fields(count);
  std::unordered_set<std::string_view> seen;
  for (auto& [field, value] : fields) {
    reader.String(field);
    reader.String(value);
    if (!reader.Ok() || !seen.insert(field).second) return RestoreResult::kBadData;
  }
  if (!reader.AtEnd()) return RestoreResult::kBadData;
  return StoreHash(fields, target);
}

RestoreResult ReadRdbHashListpack(RdbReader& reader, const RestoreTarget& target) {
  std::string bytes;
  reader.String(bytes);
  if (!reader.Ok() || !reader.AtEnd()) return RestoreResult::kBadData;
  return StoreHashListpack(bytes, target);
}

RestoreResult ReadRdbHashZiplist(RdbReader& reader, const RestoreTarget& target) {
  std::string bytes;
  reader.String(bytes);
  const auto listpack = ListpackOfZiplist(bytes);
  if (!reader.Ok() || !reader.AtEnd() || !listpack) return RestoreResult::kBadData;
  return StoreHashListpack(listpack->bytes(), target);
}

RestoreResult ReadRdbHashZipmap(RdbReader& reader, const RestoreTarget& target) {
  std::string bytes;
  reader.String(bytes);
  const auto listpack = ListpackOfZipmap(bytes);
  if (!reader.Ok() || !reader.AtEnd() || !listpack) return RestoreResult::kBadData;
  if (listpack->reader().Count() == 0 || !IsValidHashListpack(listpack->bytes())) {
    return RestoreResult::kBadData;
  }
  return StoreHash(FieldsOf(listpack->reader()), target);
}

}  // namespace slotway::storage
