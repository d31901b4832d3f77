// SPDX-License-Identifier: Apache-2.0
// Takes bytes from outside off the front; after the first failure, such as taking more than there
// are, every read gives nothing or 0. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slotway::storage {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
  bool Ok() const { return ok_; }
  bool AtEnd() const { return at_ == bytes_.size(); }
  std::size_t At() const { return at_; }
  void Fail() { ok_ = false; }

  std::string_view Take(std::size_t count) {
    if (!ok_ || count > bytes_.size() - at_) {
      ok_ = false;
      return {};
    }
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  std::uint8_t Byte() {
    const std::string_view taken = Take(1);
    return taken.empty() ? 0 : static_cast<std::uint8_t>(taken[0]);
  }
  std::uint64_t LittleEndian(std::size_t count) {
    std::uint64_t value = 0;
    std::size_t shift = 0;
    for (const char byte : Take(count)) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(byte)) << shift;
      shift += 8;
    }
    return value;
  }
  std::uint64_t BigEndian(std::size_t count) {
    std::uint64_t value = 0;
    for (const char byte : Take(count)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  // Little endian, with a sign. REQUIRES: count > 0.
  std::int64_t Number(std::size_t count) {
    const std::size_t unused_bits = 64 - 8 * count;
    return static_cast<std::int64_t>(LittleEndian(count) << unused_bits) >> unused_bits;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace slotway::storage
