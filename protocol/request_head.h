// SPDX-License-Identifier: Apache-2.0
// How a request begins, up to its second argument: "*2\r\n$3\r\nGET\r\n". Clients repeat themselves, so
// that the next one is mostly known by comparing its beginning with that of the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace slotway::protocol {

class RequestHead {
 public:
  // From "*1\r\n$1\r\nX\r\n" to what two words and one in between hold.
  static constexpr std::size_t kBytesMin = 11;
  static constexpr std::size_t kBytesMax = 24;

  // Forgets what there was; remembers nothing if `length` is out of bounds.
  void Remember(const char* begin, std::size_t length) {
    length_ = kNone;
    if (length < kBytesMin || length > kBytesMax) return;
    length_ = length;
    first_ = Load(begin);
    middle_ = length > kMiddleFrom ? Load(begin + kWordBytes) : 0;
    last_ = Load(begin + length - kWordBytes);
  }
  void Forget() { length_ = kNone; }

  // Whether the `bytes` bytes at `begin` begin as what is remembered.
  bool Begins(const char* begin, std::size_t bytes) const {
    return length_ <= bytes && Load(begin) == first_ &&
           Load(begin + length_ - kWordBytes) == last_ &&
           (length_ <= kMiddleFrom || Load(begin + kWordBytes) == middle_);
  }
  // REQUIRES: something is remembered.
  std::size_t Length() const { return length_; }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};
  static constexpr std::size_t kWordBytes = sizeof(std::uint64_t);
  static constexpr std::size_t kMiddleFrom = 2 * kWordBytes;

  static std::uint64_t Load(const char* from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }

  std::size_t length_ = kNone;
  std::uint64_t first_ = 0;
  std::uint64_t middle_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace slotway::protocol
