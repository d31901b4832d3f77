// SPDX-License-Identifier: Apache-2.0
// Redis's intset: a set of integers in one run of bytes.
//
//   u32 width, u32 count, count numbers of `width` bytes each, ascending; all little endian
//
// The width (2, 4 or 8 bytes) is what the widest number ever put in needs. The same bytes are in
// RDB files and DUMP payloads. Readers trust their bytes: those from outside must pass
// IsValidIntset first. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace slotway::storage {

// Reads an intset that is well-formed.
class IntsetReader {
 public:
  static constexpr std::size_t kHeaderBytes = 8;
  static constexpr std::size_t kCountOffset = 4;

  explicit IntsetReader(std::string_view bytes) : bytes_(bytes) {}

  std::size_t Width() const { return Load32(0); }
  std::size_t Count() const { return Load32(kCountOffset); }
  // REQUIRES: index < Count().
  std::int64_t At(std::size_t index) const;
  // How many numbers are below this one: its index if it is in.
  std::size_t PlaceOf(std::int64_t number) const;
  bool Contains(std::int64_t number) const {
    const std::size_t place = PlaceOf(number);
    return place < Count() && At(place) == number;
  }
  // Where the bytes of the number with this index begin; of Count(), where they end.
  std::size_t OffsetOf(std::size_t index) const { return kHeaderBytes + index * Width(); }

 private:
  std::uint32_t Load32(std::size_t offset) const {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  std::string_view bytes_;
};

// Bytes that an intset with this number in it gives to each.
std::size_t IntsetWidthFor(std::int64_t number);
// The intset of these. REQUIRES: each is greater than the one before.
std::string MakeIntset(std::span<const std::int64_t> numbers);
// Whether bytes from outside are a well-formed intset, empty or not.
bool IsValidIntset(std::string_view bytes);

}  // namespace slotway::storage
