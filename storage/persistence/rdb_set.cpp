// SPDX-License-Identifier: Apache-2.0
// Sets in RDB's form: type 2 is the members, type 11 an intset, type 20 a listpack of the members.
//
// In version 10 a listpack is written as type 2: type 20 came with version 11.
#include <memory>
#include <string>
#include <utility>

#include "storage/engine/set_handle.h"
#include "storage/persistence/rdb_value.h"

namespace slotway::storage {
namespace {

std::unique_ptr<SetTable> NewSet(const RestoreTarget& target) {
  return std::make_unique<SetTable>(target.keyspace.arena(), TableSeed(target));
}

RestoreResult StoreSet(std::unique_ptr<SetTable> set, const RestoreTarget& target) {
  SetHandle::Store(target.keyspace, target.key, std::move(set), target.limits.set, target.now_ms);
  return RestoreResult::kDone;
}

RestoreResult StoreBytes(Encoding encoding, std::string_view bytes, const RestoreTarget& target) {
  target.keyspace.SetBytes(target.key.slot, target.key.key, ValueType::kSet, encoding, bytes,
                           TtlChange::Clear(), target.now_ms);
  return RestoreResult::kDone;
}

}  // namespace

void WriteRdbSet(RdbWriter& writer, Keyspace& keyspace, const Entry& entry) {
  if (entry.encoding() == Encoding::kIntset) {
    writer.Type(RdbType::kSetIntset);
    writer.String(entry.Bytes());
    return;
  }
  constexpr int kListpackVersion = 11;
  if (entry.encoding() == Encoding::kListpack && writer.version() >= kListpackVersion) {
    writer.Type(RdbType::kSetListpack);
    writer.String(entry.Bytes());
    return;
  }
  const SetHandle set(keyspace, entry);
  writer.Type(RdbType::kSet);
  writer.Length(set.Size());
  set.ForEach([&writer](std::string_view member) { writer.String(member); });
}

RestoreResult ReadRdbSet(RdbReader& reader, const RestoreTarget& target) {
  const std::uint64_t count = reader.Length();
  // Every member takes a byte at least: a count beyond that is a lie.
  if (count == 0 || count > reader.BytesLeft()) return RestoreResult::kBadData;
  std::unique_ptr<SetTable> set = NewSet(target);
  std::string member;
  for (std::uint64_t i = 0; i < count; ++i) {
    reader.String(member);
    if (!reader.Ok() || !set->Add(member)) return RestoreResult::kBadData;
  }
  if (!reader.AtEnd()) return RestoreResult::kBadData;
  return StoreSet(std::move(set), target);
}

RestoreResult ReadRdbSetIntset(RdbReader& reader, const RestoreTarget& target) {
  std::string bytes;
  reader.String(bytes);
  if (!reader.Ok() || !reader.AtEnd() || !IsValidIntset(bytes)) return RestoreResult::kBadData;
  const IntsetReader numbers(bytes);
  if (numbers.Count() == 0) return RestoreResult::kBadData;
  if (numbers.Count() <= target.limits.set.intset_entries_max) {
    return StoreBytes(Encoding::kIntset, bytes, target);
  }
  std::unique_ptr<SetTable> set = NewSet(target);
  NumberText digits;
  for (std::size_t i = 0; i < numbers.Count(); ++i) set->Add(digits.Print(numbers.At(i)));
  return StoreSet(std::move(set), target);
}

RestoreResult ReadRdbSetListpack(RdbReader& reader, const RestoreTarget& target) {
  std::string bytes;
  reader.String(bytes);
  if (!reader.Ok() || !reader.AtEnd() || !IsValidSetListpack(bytes)) return RestoreResult::kBadData;
  const ListpackReader members(bytes);
  if (members.Count() == 0) return RestoreResult::kBadData;
  if (members.Count() <= target.limits.set.listpack_entries_max) {
    return StoreBytes(Encoding::kListpack, bytes, target);
  }
  std::unique_ptr<SetTable> set = NewSet(target);
  NumberText digits;
  for (std::size_t at = members.Begin(); at != members.End(); at = members.Next(at)) {
    set->Add(members.At(at).Text(digits));
  }
  return StoreSet(std::move(set), target);
}

}  // namespace slotway::storage
