// SPDX-License-Identifier: Apache-2.0
// Bytes one behind the other in one growing array. Appending is a comparison and a copy, which
// std::string's is not.
//
// Offsets stay valid until Clear() or Free(), views until the next Append(). Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace slotway::runtime {

class FlatBytes {
 public:
  std::size_t Size() const { return size_; }
  std::size_t Capacity() const { return capacity_; }
  bool Empty() const { return size_ == 0; }

  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (bytes.size() > capacity_ - size_) [[unlikely]] Grow(size_ + bytes.size());
    std::memcpy(bytes_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // REQUIRES: offset + length <= Size().
  std::string_view At(std::size_t offset, std::size_t length) const {
    return {bytes_.get() + offset, length};
  }
  // Keeps the memory.
  void Clear() { size_ = 0; }
  void Free() {
    bytes_.reset();
    size_ = capacity_ = 0;
  }
  void Swap(FlatBytes& other) {
    bytes_.swap(other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  static constexpr std::size_t kCapacityMin = 256;

  [[gnu::noinline]] void Grow(std::size_t needed) {
    const std::size_t capacity = std::max({needed, 2 * capacity_, kCapacityMin});
    std::unique_ptr<char[]> grown(new char[capacity]);
    if (size_ > 0) std::memcpy(grown.get(), bytes_.get(), size_);
    bytes_ = std::move(grown);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace slotway::runtime
