// SPDX-License-Identifier: Apache-2.0
// One key with its value in one allocation: the byte layout, and a view that reads it.
//
//   0  u32    access clock (LRU time or LFU counter, see access_clock.h)
//   4  u8     type (low 4 bits), encoding (high 4)
//   5  u8     flags: bit 0 has an expiry word; bits 1-2 width of the key length (1, 2, 4 bytes);
//             bits 3-4 width of the value length (1, 2, 4 bytes, or none: the value is 8 bytes);
//             bit 5 the stamp of snapshots (see entry_capture.h)
//   6  ...    key length, value length
//      u64    expiry word, if any: unix ms in the low 48 bits (all ones: no TTL now), above it
//      where
//             the wheel holds the record's token (see expiry_wheel.h)
//      ...    key, then value: bytes, a number (i64), or the address of a ValueObject
//
// Records are 8-byte aligned, their fields are not. A view does not own; it dies with the record.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "storage/types/value_object.h"
#include "storage/types/value_type.h"

namespace slotway::storage {

// What the expiry word holds.
struct ExpiryWord {
  static constexpr std::int64_t kNoTtl = (std::int64_t{1} << 48) - 1;

  std::int64_t at_ms = kNoTtl;  // 0 to kNoTtl
  std::uint16_t token = 0;      // where the wheel holds the token of this record; 0 nowhere
};

class Record {
 public:
  static constexpr std::size_t kHeaderBytes = 6;
  static constexpr std::size_t kMaxLength = UINT32_MAX;

  // What a record is made of; enough to know its size before it is allocated.
  struct Shape {
    ValueType type;
    Encoding encoding;
    bool has_expiry_word;
    std::size_t key_bytes;
    std::size_t value_bytes;  // 8 for numbers and objects

    std::size_t TotalBytes() const;
  };

  Record() = default;
  explicit Record(std::byte* address) : at_(reinterpret_cast<std::uint8_t*>(address)) {}

  // Writes the header, lengths, key and an empty expiry word (if the shape has one) at `address`,
  // which has shape.TotalBytes(). The value is left to the caller: see ValueArea().
  static Record Format(std::byte* address, const Shape& shape, std::string_view key,
                       std::uint32_t access);

  std::byte* address() const { return reinterpret_cast<std::byte*>(at_); }

  std::uint32_t access() const { return Load<std::uint32_t>(0); }
  void set_access(std::uint32_t access) { Store(0, access); }
  ValueType type() const { return static_cast<ValueType>(at_[4] & 15); }
  Encoding encoding() const { return static_cast<Encoding>(at_[4] >> 4); }

  std::string_view Key() const {
    const std::size_t key_width = KeyWidth();
    const std::size_t skip = kHeaderBytes + key_width + ValueWidth() + ExpiryBytes();
    return {reinterpret_cast<const char*>(at_ + skip), LoadLength(kHeaderBytes, key_width)};
  }

  // The value's bytes, whatever they mean: 8 of them for numbers and objects.
  char* ValueArea() const {
    const std::string_view key = Key();
    return const_cast<char*>(key.data()) + key.size();
  }
  std::size_t ValueLength() const {
    const std::size_t width = ValueWidth();
    return width == 0 ? 8 : LoadLength(kHeaderBytes + KeyWidth(), width);
  }
  std::string_view ValueBytes() const { return {ValueArea(), ValueLength()}; }
  std::int64_t Number() const { return LoadAt<std::int64_t>(ValueArea()); }
  void set_number(std::int64_t number) { std::memcpy(ValueArea(), &number, sizeof number); }
  ValueObject* Object() const { return LoadAt<ValueObject*>(ValueArea()); }
  void set_object(ValueObject* object) { std::memcpy(ValueArea(), &object, sizeof object); }

  bool HasExpiryWord() const { return (at_[5] & kExpiryFlag) != 0; }
  // REQUIRES: HasExpiryWord() for both.
  ExpiryWord Expiry() const {
    const auto word = Load<std::uint64_t>(ExpiryOffset());
    return {static_cast<std::int64_t>(word & kTimeMask), static_cast<std::uint16_t>(word >> 48)};
  }
  void SetExpiry(ExpiryWord expiry) {
    Store(ExpiryOffset(), (static_cast<std::uint64_t>(expiry.at_ms) & kTimeMask) |
                              (std::uint64_t{expiry.token} << 48));
  }
  std::optional<std::int64_t> ExpireAtMs() const {
    if (!HasExpiryWord()) return std::nullopt;
    const std::int64_t at_ms = Expiry().at_ms;
    if (at_ms == ExpiryWord::kNoTtl) return std::nullopt;
    return at_ms;
  }
  bool IsDue(std::int64_t now_ms) const { return HasExpiryWord() && Expiry().at_ms < now_ms; }

  bool stamp() const { return (at_[5] & kStampFlag) != 0; }
  void set_stamp(bool stamp) {
    at_[5] = static_cast<std::uint8_t>((at_[5] & ~kStampFlag) | (stamp ? kStampFlag : 0));
  }

  // Takes on another type, encoding and value length in place, leaving key and expiry word where
  // they are. False, changing nothing, when they would have to move. The caller sees to it that the
  // allocation is large enough.
  bool TryReshape(const Shape& shape);

  Shape GetShape() const {
    return {type(), encoding(), HasExpiryWord(), Key().size(), ValueLength()};
  }

 private:
  static constexpr std::uint8_t kExpiryFlag = 1;
  static constexpr std::uint8_t kStampFlag = 1 << 5;
  static constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << 48) - 1;

  template <class T>
  static T LoadAt(const void* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  template <class T>
  T Load(std::size_t offset) const {
    return LoadAt<T>(at_ + offset);
  }
  template <class T>
  void Store(std::size_t offset, T value) {
    std::memcpy(at_ + offset, &value, sizeof value);
  }
  std::size_t LoadLength(std::size_t offset, std::size_t width) const {
    if (width == 1) return at_[offset];
    return width == 2 ? Load<std::uint16_t>(offset) : Load<std::uint32_t>(offset);
  }
  void SetKind(ValueType type, Encoding encoding) {
    at_[4] = static_cast<std::uint8_t>(static_cast<unsigned>(type) | static_cast<unsigned>(encoding)
                                                                         << 4);
  }
  void StoreLength(std::size_t offset, std::size_t width, std::size_t length);
  std::size_t KeyWidth() const { return std::size_t{1} << ((at_[5] >> 1) & 3); }
  std::size_t ValueWidth() const { return (std::size_t{1} << ((at_[5] >> 3) & 3)) & 7; }
  std::size_t ExpiryBytes() const { return static_cast<std::size_t>(at_[5] & kExpiryFlag) * 8; }
  std::size_t ExpiryOffset() const { return kHeaderBytes + KeyWidth() + ValueWidth(); }

  std::uint8_t* at_ = nullptr;
};

}  // namespace slotway::storage
