// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_value.h"

#include <string>

namespace slotway::storage {
namespace {

void WriteString(RdbWriter& writer, const Entry& entry) {
  writer.Type(RdbType::kString);
  if (entry.encoding() == Encoding::kInt) {
    writer.Number(entry.Number());
  } else {
    writer.String(entry.Bytes());
  }
}

RestoreResult ReadString(RdbReader& reader, const RestoreTarget& target) {
  std::string text;
  reader.String(text);
  if (!reader.Ok() || !reader.AtEnd()) return RestoreResult::kBadData;
  target.keyspace.SetString(target.key.slot, target.key.key, text, TtlChange::Clear(),
                            target.now_ms);
  return RestoreResult::kDone;
}

}  // namespace

void WriteRdbValue(RdbWriter& writer, Keyspace& keyspace, const Entry& entry) {
  switch (entry.type()) {
    case ValueType::kString:
      WriteString(writer, entry);
      return;
    case ValueType::kHash:
      WriteRdbHash(writer, keyspace, entry);
      return;
    case ValueType::kList:
      WriteRdbList(writer, keyspace, entry);
      return;
    case ValueType::kZset:
      WriteRdbSortedSet(writer, keyspace, entry);
      return;
    case ValueType::kSet:
      WriteRdbSet(writer, keyspace, entry);
      return;
    case ValueType::kStream:
      WriteRdbStream(writer, keyspace, entry);
      return;
  }
}

RestoreResult ReadRdbValue(RdbType type, RdbReader& reader, const RestoreTarget& target) {
  switch (type) {
    case RdbType::kString:
      return ReadString(reader, target);
    case RdbType::kHash:
      return ReadRdbHash(reader, target);
    case RdbType::kList:
      return ReadRdbList(reader, target);
    case RdbType::kQuicklist2:
      return ReadRdbQuicklist(reader, target);
    case RdbType::kSet:
      return ReadRdbSet(reader, target);
    case RdbType::kSetIntset:
      return ReadRdbSetIntset(reader, target);
    case RdbType::kSetListpack:
      return ReadRdbSetListpack(reader, target);
    case RdbType::kSortedSet:
      return ReadRdbSortedSet(reader, target);
    case RdbType::kSortedSet2:
      return ReadRdbSortedSet2(reader, target);
    case RdbType::kSortedSetListpack:
      return ReadRdbSortedSetListpack(reader, target);
    case RdbType::kHashListpack:
      return ReadRdbHashListpack(reader, target);
    case RdbType::kStreamListpacks:
    case RdbType::kStreamListpacks2:
    case RdbType::kStreamListpacks3:
      return ReadRdbStream(type, reader, target);
  }
  // Types 1 to 21 exist; whatever is beyond is no RDB.
  constexpr std::uint8_t kTypeMax = 21;
  bool is_known = static_cast<std::uint8_t>(type) <= kTypeMax;
  return is_known && reader.Ok() ? RestoreResult::kUnsupportedType : RestoreResult::kBadData;
}

}  // namespace slotway::storage
