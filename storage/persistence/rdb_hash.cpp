// SPDX-License-Identifier: Apache-2.0
// Hashes in RDB's form: type 4 is the fields with their values, type 16 a listpack of them.
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "storage/engine/hash_handle.h"
#include "storage/persistence/rdb_value.h"
#include "storage/types/listpack.h"

namespace slotway::storage {
namespace {

using FieldsAndValues = std::vector<std::pair<std::string, std::string>>;

RestoreResult StoreHash(const FieldsAndValues& fields, const RestoreTarget& target) {
  HashHandle hash = HashHandle::Create(target.keyspace, target.key, target.now_ms);
  for (const auto& [field, value] : fields) hash.Set(field, value, target.limits.hash);
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
  if (!reader.Ok() || !reader.AtEnd() || !IsValidHashListpack(bytes)) {
    return RestoreResult::kBadData;
  }
  ListpackReader listpack(bytes);
  std::size_t count = listpack.Count() / 2;
  if (count == 0) return RestoreResult::kBadData;
  if (count <= target.limits.hash.listpack_entries_max) {
    target.keyspace.SetBytes(target.key.slot, target.key.key, ValueType::kHash,
                             Encoding::kListpack, bytes, TtlChange::Clear(), target.now_ms);
    return RestoreResult::kDone;
  }
  FieldsAndValues fields;
  for (std::size_t at = listpack.Begin(); at != listpack.End();) {
    NumberText buffer;
    std::string field(listpack.At(at).Text(buffer));
    at = listpack.Next(at);
    fields.emplace_back(std::move(field), listpack.At(at).Text(buffer));
    at = listpack.Next(at);
  }
  return StoreHash(fields, target);
}

}  // namespace slotway::storage
