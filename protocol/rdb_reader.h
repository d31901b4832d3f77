// SPDX-License-Identifier: Apache-2.0
// Reads what RDB files, DUMP and FUNCTION DUMP payloads are made of: lengths, strings, numbers.
//
//   length  00llllll               6 bits       10000000 u32 (big endian)
//           01llllll l             14 bits      10000001 u64 (big endian)
//   string  length, bytes; or 11000000 i8, 11000001 i16, 11000010 i32 (little endian: the decimal
//           text of the number), 11000011 length length bytes (LZF: compressed, whole)
// Source: the RDB format as Redis 7 reads it. Bounds-checked: the bytes come from outside. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slotway::protocol {

inline constexpr std::uint8_t kRdbLength32 = 0x80;
inline constexpr std::uint8_t kRdbLength64 = 0x81;
inline constexpr std::uint8_t kRdbEncodingMark = 0xc0;
enum class RdbStringEncoding : std::uint8_t { kInt8 = 0, kInt16 = 1, kInt32 = 2, kLzf = 3 };

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

}  // namespace slotway::protocol
