// SPDX-License-Identifier: Apache-2.0
// A first-in first-out queue in one growing power-of-two array: no allocation in steady state.
//
// For small trivially copyable elements. Not thread-safe.
#pragma once

#include <cassert>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace slotway::runtime {

template <class T>
class Ring {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  bool Empty() const { return begin_ == end_; }
  std::size_t Size() const { return end_ - begin_; }

  void PushBack(const T& value) { Extend() = value; }
  // A new last element, for the caller to fill in: it holds anything.
  T& Extend() {
    if (Size() == capacity_) [[unlikely]] Grow();
    return items_[end_++ & (capacity_ - 1)];
  }
  // REQUIRES: not empty.
  T& Front() { return items_[begin_ & (capacity_ - 1)]; }
  T& Back() { return items_[(end_ - 1) & (capacity_ - 1)]; }
  void PopFront() {
    assert(!Empty());
    ++begin_;
  }
  // The i-th from the front. REQUIRES: i < Size().
  T& operator[](std::size_t i) { return items_[(begin_ + i) & (capacity_ - 1)]; }
  const T& operator[](std::size_t i) const { return items_[(begin_ + i) & (capacity_ - 1)]; }
  // Gives the memory back. REQUIRES: empty.
  void Shrink() {
    assert(Empty());
    items_.reset();
    capacity_ = begin_ = end_ = 0;
  }
  std::size_t Capacity() const { return capacity_; }

 private:
  [[gnu::noinline]] void Grow() {
    std::size_t capacity = capacity_ == 0 ? 8 : 2 * capacity_;
    std::unique_ptr<T[]> items(new T[capacity]);
    std::size_t size = Size();
    for (std::size_t i = 0; i < size; ++i) items[i] = (*this)[i];
    items_ = std::move(items);
    capacity_ = capacity;
    begin_ = 0;
    end_ = size;
  }

  std::unique_ptr<T[]> items_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  // count up for ever; masked on access
  std::size_t end_ = 0;
};

}  // namespace slotway::runtime
