// SPDX-License-Identifier: Apache-2.0
// A count kept by one thread and read by any: no lock, no read-modify-write instruction.
#pragma once

#include <atomic>
#include <cstdint>

namespace slotway::runtime {

class Counter {
 public:
  // Owner thread only.
  void Add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void Subtract(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
  }
  void Set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  // Any thread; may lag behind.
  std::uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace slotway::runtime
