// SPDX-License-Identifier: Apache-2.0
// Random numbers: the kernel's for secrets and names, and a seedable generator for everything that
// a simulation must be able to repeat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace slotway::runtime {

// Not predictable. Any thread; a system call each.
std::uint64_t SystemEntropy();
void FillWithEntropy(std::span<unsigned char> bytes);
// Lower case hex from the kernel's entropy; 40 digits name a node.
std::string RandomHexId(std::size_t digits = 40);

// A small fast generator (splitmix64: 64 bits of state, passes the usual tests). Predictable: not
// for secrets. Not thread-safe; give each thread its own.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next();
  // Evenly from [0, bound). REQUIRES: bound > 0.
  std::uint64_t Below(std::uint64_t bound);
  // Evenly from [0, 1).
  double NextUnit();
  std::string HexId(std::size_t digits = 40);

 private:
  std::uint64_t state_;
};

}  // namespace slotway::runtime
