// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/rdb_value.h"

#include <bit>
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

// Three versions, which differ in what they count.
template <RdbType kType>
RestoreResult ReadStream(RdbReader& reader, const RestoreTarget& target) {
  return ReadRdbStream(kType, reader, target);
}

struct ReaderRow {
  RdbType type;
  RestoreResult (*read)(RdbReader& reader, const RestoreTarget& target);
};
constexpr ReaderRow kReaders[] = {
    {RdbType::kString, &ReadString},
    {RdbType::kList, &ReadRdbList},
    {RdbType::kSet, &ReadRdbSet},
    {RdbType::kSortedSet, &ReadRdbSortedSet},
    {RdbType::kHash, &ReadRdbHash},
    {RdbType::kSortedSet2, &ReadRdbSortedSet2},
    {RdbType::kHashZipmap, &ReadRdbHashZipmap},
    {RdbType::kListZiplist, &ReadRdbListZiplist},
    {RdbType::kSetIntset, &ReadRdbSetIntset},
    {RdbType::kSortedSetZiplist, &ReadRdbSortedSetZiplist},
    {RdbType::kHashZiplist, &ReadRdbHashZiplist},
    {RdbType::kQuicklist, &ReadRdbQuicklist},
    {RdbType::kStreamListpacks, &ReadStream<RdbType::kStreamListpacks>},
    {RdbType::kHashListpack, &ReadRdbHashListpack},
    {RdbType::kSortedSetListpack, &ReadRdbSortedSetListpack},
    {RdbType::kQuicklist2, &ReadRdbQuicklist2},
    {RdbType::kStreamListpacks2, &ReadStream<RdbType::kStreamListpacks2>},
    {RdbType::kSetListpack, &ReadRdbSetListpack},
    {RdbType::kStreamListpacks3, &ReadStream<RdbType::kStreamListpacks3>},
};

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

RdbType TypeOfElements(ValueType type) {
  if (type == ValueType::kHash) return RdbType::kHash;
  return type == ValueType::kZset ? RdbType::kSortedSet2 : RdbType::kSet;
}

void WriteRdbElement(RdbWriter& writer, ValueType type, const ValueElement& element) {
  writer.String(element.name);
  if (type == ValueType::kHash) writer.String(element.value);
  if (type == ValueType::kZset) {
    writer.LittleEndian(std::bit_cast<std::uint64_t>(element.score), sizeof element.score);
  }
}

RestoreResult ReadRdbValue(RdbType type, RdbReader& reader, const RestoreTarget& target) {
  for (const auto& [row_type, read] : kReaders) {
    if (row_type == type) return read(reader, target);
  }
  // Types 1 to 21 exist; whatever is beyond is no RDB.
  constexpr std::uint8_t kTypeMax = 21;
  bool is_known = static_cast<std::uint8_t>(type) <= kTypeMax;
  return is_known && reader.Ok() ? RestoreResult::kUnsupportedType : RestoreResult::kBadData;
}

}  // namespace slotway::storage
