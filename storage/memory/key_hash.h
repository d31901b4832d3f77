// SPDX-License-Identifier: Apache-2.0
// A seeded 64-bit hash of short keys, all of whose bits are usable.
//
// Multiply-and-fold over 16 bytes at a time. The seed comes from a random source, so that clients
// cannot choose keys that collide. Values are meaningless outside this process.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace slotway::storage {

inline std::uint64_t FoldedProduct(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t KeyHash(std::uint64_t seed, std::string_view key) {
  constexpr std::uint64_t kOdd1 = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  constexpr std::uint64_t kOdd2 = 0xd1b54a32d192ed03;
  const auto load8 = [](const char* from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
  };
  const char* at = key.data();
  std::size_t left = key.size();
  // Mixed into every word, so that no key can make a factor zero on purpose.
  const std::uint64_t secret = seed * kOdd1 + kOdd2;
  std::uint64_t state = seed ^ FoldedProduct(key.size() ^ kOdd1, secret);
  for (; left > 16; left -= 16, at += 16) {
    state = FoldedProduct(load8(at) ^ secret, load8(at + 8) ^ state);
  }
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  if (left >= 8) {
    low = load8(at);
    high = load8(at + left - 8);
  } else if (left >= 4) {
    std::uint32_t first;
    std::uint32_t last;
    std::memcpy(&first, at, sizeof first);
    std::memcpy(&last, at + left - 4, sizeof last);
    low = first;
    high = last;
  } else if (left > 0) {
    low = static_cast<std::uint64_t>(static_cast<unsigned char>(at[0])) << 16 |
          static_cast<std::uint64_t>(static_cast<unsigned char>(at[left / 2])) << 8 |
          static_cast<unsigned char>(at[left - 1]);
  }
  state = FoldedProduct(low ^ secret, high ^ state);
  return FoldedProduct(state ^ kOdd1, secret ^ key.size());
}

}  // namespace slotway::storage
