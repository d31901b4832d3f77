// SPDX-License-Identifier: Apache-2.0
// The length of a bulk string, as its line told it last time: "$16\r\n". The next one is mostly as
// long, and known by one comparison instead of digit by digit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace slotway::protocol {

class RepeatedBulk {
 public:
  static constexpr std::size_t kEndBytes = 2;  // what follows the string

  // `line`: where the bulk begins, with `line_bytes` bytes up to the string of `length` bytes.
  // Remembers nothing if they are not a word's, and forgets what there was.
  void Remember(const char* line, std::size_t line_bytes, std::size_t length) {
    bulk_bytes_ = kNone;
    if (line_bytes > sizeof line_ || line_bytes + length + kEndBytes < sizeof line_) return;
    mask_ = line_ = 0;
    std::memset(&mask_, 0xff, line_bytes);
    std::memcpy(&line_, line, line_bytes);
    length_ = length;
    bulk_bytes_ = line_bytes + length + kEndBytes;
  }

  // Whether a bulk that begins with the same line, and is complete, begins at `p`, where `bytes`
  // bytes are. Its end is not looked at.
  bool IsAt(const char* p, std::size_t bytes) const {
    if (bytes < bulk_bytes_) return false;
    std::uint64_t word;
    std::memcpy(&word, p, sizeof word);
    return (word & mask_) == line_;
  }
  // REQUIRES: IsAt() has said so.
  std::size_t Length() const { return length_; }
  std::size_t LineBytes() const { return bulk_bytes_ - length_ - kEndBytes; }
  std::size_t BulkBytes() const { return bulk_bytes_; }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  std::uint64_t line_ = 0;
  std::uint64_t mask_ = 0;  // of the bytes that are the line's
  std::size_t length_ = 0;
  std::size_t bulk_bytes_ = kNone;  // at least a word's
};

}  // namespace slotway::protocol
