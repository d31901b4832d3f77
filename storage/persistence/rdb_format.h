// SPDX-License-Identifier: Apache-2.0
// The elements RDB files and DUMP payloads are made of: lengths, strings, value types.
//
//   length  00llllll               6 bits       10000000 u32 (big endian)
//           01llllll l             14 bits      10000001 u64 (big endian)
//   string  length, bytes; or 11000000 i8, 11000001 i16, 11000010 i32 (little endian: the decimal
//           text of the number), 11000011 length length bytes (LZF: compressed, whole)
// Source: the RDB format as Redis 7 reads it. The reader is bounds-checked: its bytes come from
// outside. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slotway::storage {

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

// What we write (Redis 7.0 reads it), and the newest that we read (Redis 7.2).
inline constexpr std::uint16_t kRdbVersionWritten = 10;
inline constexpr std::uint16_t kRdbVersionReadMax = 11;

class RdbWriter {
 public:
  explicit RdbWriter(std::string& out) : out_(out) {}
  void Type(RdbType type) { out_.push_back(static_cast<char>(type)); }
  void Length(std::uint64_t length);
  // A canonical number of up to 32 bits is written as one.
  void String(std::string_view text);
  void Number(std::int64_t number);
  void Raw(std::string_view bytes) { out_.append(bytes); }
  void LittleEndian(std::uint64_t value, int bytes);

 private:
  bool SmallNumber(std::int64_t number);
  void BigEndian(std::uint64_t value, int bytes);

  std::string& out_;
};

// After the first failure every read fails; check Ok() once at the end of a value.
class RdbReader {
 public:
  explicit RdbReader(std::string_view bytes) : bytes_(bytes) {}
  bool Ok() const { return ok_; }
  bool AtEnd() const { return at_ == bytes_.size(); }
  std::size_t BytesLeft() const { return bytes_.size() - at_; }

  std::uint8_t Byte();
  std::uint64_t Length();
  // Empty after a failure. The text replaces what `out` held.
  void String(std::string& out);
  std::uint64_t LittleEndian(int bytes);
  // Views into what is read; empty after a failure.
  std::string_view Raw(std::uint64_t count) { return Take(count); }

 private:
  struct LengthOrEncoding {
    bool is_encoding = false;
    std::uint64_t value = 0;
  };
  LengthOrEncoding ReadLength();
  std::string_view Take(std::uint64_t count);
  std::uint64_t BigEndian(int bytes);
  void EncodedString(std::uint64_t encoding, std::string& out);

  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace slotway::storage
