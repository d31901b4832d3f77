// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/dump_payload.h"

#include <unordered_set>
#include <utility>
#include <vector>

#include "storage/engine/hash_handle.h"
#include "storage/persistence/crc64.h"
#include "storage/persistence/rdb_format.h"
#include "storage/types/listpack.h"

namespace slotway::storage {
namespace {

constexpr std::size_t kFooterBytes = 10;

using FieldsAndValues = std::vector<std::pair<std::string, std::string>>;

void WriteHash(RdbWriter& writer, Keyspace& keyspace, const Entry& entry) {
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

void StoreHash(Keyspace& keyspace, const KeyRef& key, const FieldsAndValues& fields,
               const HashLimits& limits, std::int64_t now_ms) {
  HashHandle hash = HashHandle::Create(keyspace, key.slot, key.key, now_ms);
  for (const auto& [field, value] : fields) hash.Set(field, value, limits);
}

RestoreResult RestoreHash(Keyspace& keyspace, const KeyRef& key, RdbReader& reader,
                          const HashLimits& limits, std::int64_t now_ms) {
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
  StoreHash(keyspace, key, fields, limits, now_ms);
  return RestoreResult::kDone;
}

RestoreResult RestoreHashListpack(Keyspace& keyspace, const KeyRef& key, RdbReader& reader,
                                  const HashLimits& limits, std::int64_t now_ms) {
  std::string bytes;
  reader.String(bytes);
  if (!reader.Ok() || !reader.AtEnd() || !IsValidHashListpack(bytes)) {
    return RestoreResult::kBadData;
  }
  ListpackReader listpack(bytes);
  std::size_t count = listpack.Count() / 2;
  if (count == 0) return RestoreResult::kBadData;
  if (count <= limits.listpack_entries_max) {
    keyspace.SetBytes(key.slot, key.key, ValueType::kHash, Encoding::kListpack, bytes,
                      TtlChange::Clear(), now_ms);
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
  StoreHash(keyspace, key, fields, limits, now_ms);
  return RestoreResult::kDone;
}

}  // namespace

std::optional<std::string> DumpValue(Keyspace& keyspace, const Entry& entry) {
  std::string payload;
  RdbWriter writer(payload);
  switch (entry.type()) {
    case ValueType::kString:
      writer.Type(RdbType::kString);
      if (entry.encoding() == Encoding::kInt) {
        writer.Number(entry.Number());
      } else {
        writer.String(entry.Bytes());
      }
      break;
    case ValueType::kHash:
      WriteHash(writer, keyspace, entry);
      break;
    default:
      return std::nullopt;
  }
  writer.LittleEndian(kRdbVersionWritten, 2);
  writer.LittleEndian(Crc64(payload), 8);
  return payload;
}

bool IsDumpIntact(std::string_view payload) {
  if (payload.size() < kFooterBytes) return false;
  RdbReader footer(payload.substr(payload.size() - kFooterBytes));
  if (footer.LittleEndian(2) > kRdbVersionReadMax) return false;
  return footer.LittleEndian(8) == Crc64(payload.substr(0, payload.size() - 8));
}

RestoreResult RestoreValue(Keyspace& keyspace, const KeyRef& key, std::string_view payload,
                           const HashLimits& limits, std::int64_t now_ms) {
  RdbReader reader(payload.substr(0, payload.size() - kFooterBytes));
  switch (static_cast<RdbType>(reader.Byte())) {
    case RdbType::kString: {
      std::string text;
      reader.String(text);
      if (!reader.Ok() || !reader.AtEnd()) return RestoreResult::kBadData;
      keyspace.SetString(key.slot, key.key, text, TtlChange::Clear(), now_ms);
      return RestoreResult::kDone;
    }
    case RdbType::kHash:
      return RestoreHash(keyspace, key, reader, limits, now_ms);
    case RdbType::kHashListpack:
      return RestoreHashListpack(keyspace, key, reader, limits, now_ms);
  }
  // Types 1 to 21 exist; whatever is beyond is no RDB.
  constexpr std::uint8_t kTypeMax = 21;
  bool is_known = static_cast<std::uint8_t>(payload[0]) <= kTypeMax;
  return is_known && reader.Ok() ? RestoreResult::kUnsupportedType : RestoreResult::kBadData;
}

}  // namespace slotway::storage
