// SPDX-License-Identifier: Apache-2.0
// One value in RDB's form, behind its type byte: a pair of functions for each type of data.
//
// What is read comes from outside: counts, encodings and order are checked, and a value is stored
// only if all of it is good. Engine thread only.
#pragma once

#include <cstdint>

#include "storage/engine/keyspace.h"
#include "storage/persistence/rdb_format.h"
#include "storage/types/value_limits.h"

namespace slotway::storage {

// Where a value that was read goes. What stood there is overwritten; the new one has no TTL.
struct RestoreTarget {
  Keyspace& keyspace;
  KeyRef key;
  const ValueLimits& limits;
  std::int64_t now_ms;
};

// For the hashing of a table that is read. Elements come in the order of their hashes in the table
// that was written: in one with the same seed they would crowd in few buckets.
inline std::uint64_t TableSeed(const RestoreTarget& target) {
  constexpr std::uint64_t kOdd = 0xd1b54a32d192ed03;
  return target.keyspace.hash_seed() + static_cast<std::uint64_t>(target.now_ms) * kOdd;
}

enum class RestoreResult : std::uint8_t { kDone, kBadData, kUnsupportedType };

// The type byte and the value.
void WriteRdbValue(RdbWriter& writer, Keyspace& keyspace, const Entry& entry);
// The value; `type` has been read. REQUIRES of a good one: it ends where the bytes end.
RestoreResult ReadRdbValue(RdbType type, RdbReader& reader, const RestoreTarget& target);

// A hash, set or sorted set piece by piece: this type byte, the number of elements, and each.
RdbType TypeOfElements(ValueType type);
void WriteRdbElement(RdbWriter& writer, ValueType type, const ValueElement& element);

// The types, each in a file of its own.
void WriteRdbHash(RdbWriter& writer, Keyspace& keyspace, const Entry& entry);
RestoreResult ReadRdbHash(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbHashZipmap(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbHashZiplist(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbHashListpack(RdbReader& reader, const RestoreTarget& target);
void WriteRdbList(RdbWriter& writer, Keyspace& keyspace, const Entry& entry);
RestoreResult ReadRdbList(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbListZiplist(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbQuicklist(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbQuicklist2(RdbReader& reader, const RestoreTarget& target);
void WriteRdbSet(RdbWriter& writer, Keyspace& keyspace, const Entry& entry);
RestoreResult ReadRdbSet(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbSetIntset(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbSetListpack(RdbReader& reader, const RestoreTarget& target);
void WriteRdbSortedSet(RdbWriter& writer, Keyspace& keyspace, const Entry& entry);
RestoreResult ReadRdbSortedSet(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbSortedSet2(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbSortedSetZiplist(RdbReader& reader, const RestoreTarget& target);
RestoreResult ReadRdbSortedSetListpack(RdbReader& reader, const RestoreTarget& target);
void WriteRdbStream(RdbWriter& writer, Keyspace& keyspace, const Entry& entry);
// `type` is one of the three that streams have had.
RestoreResult ReadRdbStream(RdbType type, RdbReader& reader, const RestoreTarget& target);

}  // namespace slotway::storage
