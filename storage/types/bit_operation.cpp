// SPDX-License-Identifier: Apache-2.0
#include "storage/types/bit_operation.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace slotway::storage {
namespace {

// Two machine words at a time, wherever they begin.
using Words = std::uint64_t __attribute__((vector_size(16)));
constexpr std::size_t kWordsPerStep = 4;
constexpr std::size_t kStepBytes = kWordsPerStep * sizeof(Words);
// As much of the outcome as stays cached while every source is brought in.
constexpr std::size_t kBlockBytes = 16 * 1024;

struct And {
  template <class T>
  void operator()(T& into, const T& from) const {
    into &= from;
  }
};
struct Or {
  template <class T>
  void operator()(T& into, const T& from) const {
    into |= from;
  }
};
struct Xor {
  template <class T>
  void operator()(T& into, const T& from) const {
    into ^= from;
  }
};
struct Not {
  template <class T>
  void operator()(T& into, const T& from) const {
    into = ~from;
  }
};

template <class Operator>
void Apply(char* into, const char* from, std::size_t bytes, Operator apply) {
  std::size_t at = 0;
  for (; at + kStepBytes <= bytes; at += kStepBytes) {
    Words left[kWordsPerStep];
    Words right[kWordsPerStep];
    std::memcpy(left, into + at, kStepBytes);
    std::memcpy(right, from + at, kStepBytes);
    for (std::size_t i = 0; i < kWordsPerStep; ++i) apply(left[i], right[i]);
    std::memcpy(into + at, left, kStepBytes);
  }
  for (; at < bytes; ++at) {
    auto byte = static_cast<unsigned char>(into[at]);
    apply(byte, static_cast<unsigned char>(from[at]));
    into[at] = static_cast<char>(byte);
  }
}

void ApplyBlock(BitOperation operation, char* into, const char* from, std::size_t bytes) {
  switch (operation) {
    case BitOperation::kAnd:
      return Apply(into, from, bytes, And{});
    case BitOperation::kOr:
      return Apply(into, from, bytes, Or{});
    case BitOperation::kXor:
      return Apply(into, from, bytes, Xor{});
    case BitOperation::kNot:
      return Apply(into, from, bytes, Not{});
  }
}

}  // namespace

void CombineBits(BitOperation operation, std::span<const std::string_view> sources,
                 std::span<char> result) {
  for (std::size_t block = 0; block < result.size(); block += kBlockBytes) {
    const std::size_t block_bytes = std::min(kBlockBytes, result.size() - block);
    char* into = result.data() + block;
    bool is_first = true;
    for (const std::string_view source : sources) {
      const std::size_t bytes =
          source.size() > block ? std::min(block_bytes, source.size() - block) : 0;
      if (bytes > 0) {
        const char* from = source.data() + block;
        if (is_first && operation != BitOperation::kNot) {
          if (into != from) std::memcpy(into, from, bytes);
        } else {
          ApplyBlock(operation, into, from, bytes);
        }
      }
      // Zeros behind the end of a source: they leave only what is OR or XOR.
      if (is_first || operation == BitOperation::kAnd) {
        std::memset(into + bytes, 0, block_bytes - bytes);
      }
      is_first = false;
    }
  }
}

}  // namespace slotway::storage
