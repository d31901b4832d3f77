// SPDX-License-Identifier: Apache-2.0
// The elements RDB files and DUMP payloads are made of: lengths, strings, value types.
//
// Lengths and strings are drawn at their reader, protocol/rdb_reader. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/rdb_reader.h"

namespace slotway::storage {

using protocol::RdbReader;

enum class RdbType : std::uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kSortedSet = 3,
  kHash = 4,
  kSortedSet2 = 5,
  kHashZipmap = 9,
  kListZiplist = 10,
  kSetIntset = 11,
  kSortedSetZiplist = 12,
  kHashZiplist = 13,
  kQuicklist = 14,
  kStreamListpacks = 15,
  kHashListpack = 16,
  kSortedSetListpack = 17,
  kQuicklist2 = 18,
  kStreamListpacks2 = 19,
  kSetListpack = 20,
  kStreamListpacks3 = 21,
};

// What DUMP and files for Redis 7.0 are written in, what other files are (Redis 7.2), and what we
// read of files.
inline constexpr int kRdbVersionRedis70 = 10;
inline constexpr int kRdbVersionReadMin = 1;
inline constexpr int kRdbVersionOfChecksum = 5;  // older files end without one
inline constexpr int kRdbVersionReadMax = 11;

// Where what is written goes when there is much of it.
class RdbSink {
 public:
  virtual ~RdbSink() = default;
  // `chunk` may be taken away; what is left of it is cleared by the caller.
  virtual void Take(std::string& chunk) = 0;
};

class LzfCompressor;

// How values are written.
struct RdbForm {
  int version = kRdbVersionRedis70;
  LzfCompressor* compressor = nullptr;  // nullptr: strings are written as they are
  RdbSink* sink = nullptr;              // nullptr: all stays in the string
};

class RdbWriter {
 public:
  static constexpr std::size_t kChunkBytes = 64 * 1024;

  // With a sink, what is in `out` goes there whenever it has become a chunk.
  explicit RdbWriter(std::string& out, const RdbForm& form = {}) : out_(out), form_(form) {}
  int version() const { return form_.version; }
  void Type(RdbType type) {
    out_.push_back(static_cast<char>(type));
    if (key_.data() == nullptr) return;
    String(key_);
    key_ = {};
  }
  // In files a key stands between the type and the value. It must stay good until Type() is called.
  void SetKey(std::string_view key) { key_ = key; }
  void Length(std::uint64_t length);
  // A canonical number of up to 32 bits is written as one; with a compressor what can be shortened
  // is.
  void String(std::string_view text);
  void Number(std::int64_t number);
  void Raw(std::string_view bytes) { out_.append(bytes); }
  void LittleEndian(std::uint64_t value, int bytes);

 private:
  bool SmallNumber(std::int64_t number);
  void BigEndian(std::uint64_t value, int bytes);
  bool Compressed(std::string_view text);
  void PassOnChunk() {
    if (form_.sink == nullptr || out_.size() < kChunkBytes) return;
    form_.sink->Take(out_);
    out_.clear();
  }

  std::string& out_;
  RdbForm form_;
  std::string compressed_;
  std::string_view key_;
};

}  // namespace slotway::storage
