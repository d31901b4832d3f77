// SPDX-License-Identifier: Apache-2.0
// Sorted sets in RDB's form: type 5 is the members with their scores as binary doubles, type 3 the
// same with scores as text, type 17 a listpack of both, lowest first, type 12 a ziplist of that.
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/engine/sorted_set_handle.h"
#include "storage/persistence/rdb_value.h"
#include "storage/persistence/ziplist.h"

namespace slotway::storage {
namespace {

// A text score: u8 length and digits, or a length that stands for a value without digits.
enum TextScore : std::uint8_t { kNan = 253, kPlusInfinity = 254, kMinusInfinity = 255 };

double ReadTextScore(RdbReader& reader) {
  constexpr double kNoScore = std::numeric_limits<double>::quiet_NaN();
  const std::uint8_t length = reader.Byte();
  if (length == kPlusInfinity) return std::numeric_limits<double>::infinity();
  if (length == kMinusInfinity) return -std::numeric_limits<double>::infinity();
  if (length == kNan) return kNoScore;
  char digits[256];
  for (int i = 0; i < length; ++i) digits[i] = static_cast<char>(reader.Byte());
  double score = 0;
  const auto parsed = std::from_chars(digits, digits + length, score);
  return parsed.ec == std::errc() && parsed.ptr == digits + length ? score : kNoScore;
}

double ReadBinaryScore(RdbReader& reader) {
  return std::bit_cast<double>(reader.LittleEndian(sizeof(double)));
}

template <class ReadScoreFn>
RestoreResult ReadMembers(RdbReader& reader, const RestoreTarget& target,
                          ReadScoreFn&& read_score) {
  const std::uint64_t count = reader.Length();
  // Every member takes two bytes at least: a count beyond that is a lie.
  if (count == 0 || count > reader.BytesLeft() / 2) return RestoreResult::kBadData;
  auto set =
      std::make_unique<SortedSetTable>(target.keyspace.arena(), target.keyspace.hash_seed());
  std::string member;
  for (std::uint64_t i = 0; i < count; ++i) {
    reader.String(member);
    const double score = read_score(reader);
    if (!reader.Ok() || std::isnan(score)) return RestoreResult::kBadData;
    set->Set(member, score);
  }
  const bool is_good = reader.AtEnd() && set->ElementCount() == count;  // no member twice
  if (!is_good) return RestoreResult::kBadData;
  SortedSetHandle::Store(target.keyspace, target.key, std::move(set), target.limits.sorted_set,
                         target.now_ms);
  return RestoreResult::kDone;
}

// A listpack from outside.
RestoreResult StoreListpack(std::string_view bytes, const RestoreTarget& target) {
  if (!IsValidSortedSetListpack(bytes)) return RestoreResult::kBadData;
  const SortedSetReader items{ListpackReader(bytes)};
  if (items.Count() == 0) return RestoreResult::kBadData;
  auto set =
      std::make_unique<SortedSetTable>(target.keyspace.arena(), target.keyspace.hash_seed());
  NumberText digits;
  for (std::size_t at = items.Begin(); at != items.End(); at = items.Next(at)) {
    set->Append(items.At(at, digits));
  }
  SortedSetHandle::Store(target.keyspace, target.key, std::move(set), target.limits.sorted_set,
                         target.now_ms);
  return RestoreResult::kDone;
}

}  // namespace

void WriteRdbSortedSet(RdbWriter& writer, Keyspace& keyspace, const Entry& entry) {
  if (entry.encoding() == Encoding::kListpack) {
    writer.Type(RdbType::kSortedSetListpack);
    writer.String(entry.Bytes());
    return;
  }
  const SortedSetHandle set(keyspace, entry);
  writer.Type(RdbType::kSortedSet2);
  writer.Length(set.Size());
  // Highest first: a reader that builds from the end appends.
  set.Visit({0, set.Size()}, true, [&writer](const ScoredMember& item) {
    writer.String(item.member);
    writer.LittleEndian(std::bit_cast<std::uint64_t>(item.score), sizeof item.score);
  });
}

RestoreResult ReadRdbSortedSet(RdbReader& reader, const RestoreTarget& target) {
  return ReadMembers(reader, target, ReadTextScore);
}

RestoreResult ReadRdbSortedSet2(RdbReader& reader, const RestoreTarget& target) {
  return ReadMembers(reader, target, ReadBinaryScore);
}

RestoreResult ReadRdbSortedSetListpack(RdbReader& reader, const RestoreTarget& target) {
  std::string bytes;
  reader.String(bytes);
  if (!reader.Ok() || !reader.AtEnd()) return RestoreResult::kBadData;
  return StoreListpack(bytes, target);
}

RestoreResult ReadRdbSortedSetZiplist(RdbReader& reader, const RestoreTarget& target) {
  std::string bytes;
  reader.String(bytes);
  const auto listpack = ListpackOfZiplist(bytes);
  if (!reader.Ok() || !reader.AtEnd() || !listpack) return RestoreResult::kBadData;
  return StoreListpack(listpack->bytes(), target);
}

}  // namespace slotway::storage
