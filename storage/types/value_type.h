// SPDX-License-Identifier: Apache-2.0
// What a key can hold, and how it is held: the names of TYPE and OBJECT ENCODING.
//
// The numbers are stored in records (four bits each) and never leave the process.
#pragma once

#include <cstdint>
#include <string_view>

namespace slotway::storage {

enum class ValueType : std::uint8_t { kString, kList, kSet, kZset, kHash, kStream };
inline constexpr int kValueTypeCount = 6;

enum class Encoding : std::uint8_t {
  kInt,        // string: a 64-bit number
  kEmbstr,     // string: at most kEmbstrMaxBytes, never modified in place
  kRaw,        // string: bytes
  kListpack,   // list, set, hash, zset: one listpack inside the record
  kIntset,     // set: one intset inside the record
  kHashtable,  // hash, set: a ValueObject
  kQuicklist,  // list: a ValueObject
  kSkiplist,   // zset: a ValueObject
  kStream,     // stream: a ValueObject
};

inline constexpr std::size_t kEmbstrMaxBytes = 44;

// As TYPE and OBJECT ENCODING print them.
constexpr std::string_view ValueTypeName(ValueType type) {
  constexpr std::string_view kNames[] = {"string", "list", "set", "zset", "hash", "stream"};
  return kNames[static_cast<int>(type)];
}

constexpr std::string_view EncodingName(Encoding encoding) {
  constexpr std::string_view kNames[] = {"int",       "embstr",    "raw",      "listpack", "intset",
                                         "hashtable", "quicklist", "skiplist", "stream"};
  return kNames[static_cast<int>(encoding)];
}

// How the value part of a record is laid out.
enum class ValueLayout : std::uint8_t { kNumber, kBytes, kObject };

constexpr ValueLayout LayoutOf(Encoding encoding) {
  switch (encoding) {
    case Encoding::kInt:
      return ValueLayout::kNumber;
    case Encoding::kEmbstr:
    case Encoding::kRaw:
    case Encoding::kListpack:
    case Encoding::kIntset:
      return ValueLayout::kBytes;
    case Encoding::kHashtable:
    case Encoding::kQuicklist:
    case Encoding::kSkiplist:
    case Encoding::kStream:
      return ValueLayout::kObject;
  }
  return ValueLayout::kBytes;
}

}  // namespace slotway::storage
