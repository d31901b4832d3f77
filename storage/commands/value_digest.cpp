// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/value_digest.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "storage/engine/hash_handle.h"
#include "storage/engine/list_handle.h"
#include "storage/engine/set_handle.h"
#include "storage/engine/sorted_set_handle.h"
#include "storage/engine/stream_handle.h"

namespace slotway::storage {
namespace {

using runtime::Sha1Digest;

std::string_view BytesOf(const Sha1Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// In any order.
void MixUnordered(Sha1Digest& digest, std::string_view text) {
  const Sha1Digest hash = runtime::Sha1(text);
  for (std::size_t i = 0; i < digest.size(); ++i) digest[i] ^= hash[i];
}

// In this order.
void MixNext(Sha1Digest& digest, std::string_view text) {
  MixUnordered(digest, text);
  digest = runtime::Sha1(BytesOf(digest));
}

void MixNext(Sha1Digest& digest, std::uint32_t number) {
  char big_endian[4];
  for (int i = 0; i < 4; ++i) big_endian[i] = static_cast<char>(number >> (24 - 8 * i));
  MixNext(digest, {big_endian, sizeof big_endian});
}

// Two texts that belong together.
void MixPair(Sha1Digest& digest, std::string_view first, std::string_view second) {
  Sha1Digest pair{};
  MixNext(pair, first);
  MixNext(pair, second);
  MixUnordered(digest, BytesOf(pair));
}

// The numbers of the types on the wire of Redis.
std::uint32_t TypeNumber(ValueType type) {
  constexpr std::uint32_t kStreamNumber = 6;
  return type == ValueType::kStream ? kStreamNumber : static_cast<std::uint32_t>(type);
}
static_assert(static_cast<int>(ValueType::kList) == 1 && static_cast<int>(ValueType::kSet) == 2 &&
              static_cast<int>(ValueType::kZset) == 3 && static_cast<int>(ValueType::kHash) == 4);

void MixList(Sha1Digest& digest, const ListHandle& list) {
  NumberText digits;
  for (auto at = list.Begin(); !list.IsEnd(at); at = list.Next(at)) {
    MixNext(digest, list.At(at).Text(digits));
  }
}

void MixSortedSet(Sha1Digest& digest, const SortedSetHandle& set) {
  set.ForEach([&digest](const ScoredMember& item) {
    char score[32];
    const int length = std::snprintf(score, sizeof score, "%.17g", item.score);
    MixPair(digest, item.member, {score, static_cast<std::size_t>(length)});
  });
}

// Entries alone: groups are no part of it.
void MixStream(Sha1Digest& digest, const StreamValue& stream) {
  auto mix = [&digest](const StreamNodeReader& node, const StreamNodeReader::Entry& entry) {
    MixNext(digest, std::to_string(entry.id.ms) + '.' + std::to_string(entry.id.seq));
    node.ForEachField(entry, [&digest](std::string_view field, std::string_view value) {
      MixNext(digest, field);
      MixNext(digest, value);
    });
    return true;
  };
  stream.Visit({}, StreamId::Max(), mix);
}

}  // namespace

void MixValue(Sha1Digest& digest, Keyspace& keyspace, const Entry& entry) {
  MixNext(digest, TypeNumber(entry.type()));
  NumberText digits;
  switch (entry.type()) {
    case ValueType::kString:
      MixNext(digest, StringText(entry, digits));
      break;
    case ValueType::kList:
      MixList(digest, ListHandle(keyspace, entry));
      break;
    case ValueType::kSet:
      SetHandle(keyspace, entry).ForEach([&digest](std::string_view member) {
        MixUnordered(digest, member);
      });
      break;
    case ValueType::kZset:
      MixSortedSet(digest, SortedSetHandle(keyspace, entry));
      break;
    case ValueType::kHash:
      HashHandle(keyspace, entry).ForEach([&](std::string_view field, std::string_view value) {
        MixPair(digest, field, value);
      });
      break;
    case ValueType::kStream:
      MixStream(digest, StreamHandle(keyspace, entry).stream());
      break;
  }
  if (entry.expire_at_ms()) MixUnordered(digest, "!!expire!!");
}

void MixDatabase(Sha1Digest& digest, int index, Keyspace& keyspace, std::int64_t now_ms) {
  if (keyspace.Size() == 0) return;
  MixNext(digest, static_cast<std::uint32_t>(index));
  std::uint64_t cursor = 0;
  do {
    cursor = keyspace.Scan(cursor, 1000, now_ms, [&](const Entry& entry) {
      Sha1Digest key_digest{};
      MixNext(key_digest, entry.key());
      MixValue(key_digest, keyspace, entry);
      MixUnordered(digest, BytesOf(key_digest));
    });
  } while (cursor != 0);
}

}  // namespace slotway::storage
