// SPDX-License-Identifier: Apache-2.0
#include "storage/types/hyperloglog.h"

#include <bit>
#include <cstring>

namespace slotway::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they are stored");

constexpr std::string_view kMagic = "HYLL";
constexpr std::size_t kCountAt = 8;
constexpr std::uint64_t kOutOfDate = std::uint64_t{1} << 63;
constexpr std::uint64_t kHashSeed = 0xadc83b19;

std::uint64_t LoadCount(std::string_view value) {
  std::uint64_t word;
  std::memcpy(&word, value.data() + kCountAt, sizeof word);
  return word;
}

// MurmurHash64A, which Austin Appleby placed in the public domain.
std::uint64_t Hash(std::string_view text) {
  constexpr std::uint64_t kFactor = 0xc6a4a7935bd1e995;
  constexpr int kShift = 47;
  std::uint64_t hash = kHashSeed ^ (text.size() * kFactor);
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    word *= kFactor;
    word ^= word >> kShift;
    hash = (hash ^ (word * kFactor)) * kFactor;
  }
  if (at < text.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, text.size() - at);
    hash = (hash ^ word) * kFactor;
  }
  hash = (hash ^ (hash >> kShift)) * kFactor;
  return hash ^ (hash >> kShift);
}

}  // namespace

bool IsHll(std::string_view value) {
  if (value.size() < kHllHeaderBytes || !value.starts_with(kMagic)) return false;
  switch (HllEncodingOf(value)) {
    case HllEncoding::kDense:
      return value.size() == kHllDenseBytes;
    case HllEncoding::kSparse:
      return true;
  }
  return false;
}

std::optional<std::uint64_t> HllCachedCount(std::string_view value) {
  const std::uint64_t word = LoadCount(value);
  if ((word & kOutOfDate) != 0) return std::nullopt;
  return word;
}

void SetHllCachedCount(std::span<char> value, std::uint64_t count) {
  std::memcpy(value.data() + kCountAt, &count, sizeof count);
}

void DropHllCachedCount(std::span<char> value) {
  SetHllCachedCount(value, LoadCount({value.data(), value.size()}) | kOutOfDate);
}

HllPlace HllPlaceOf(std::string_view element) {
  const std::uint64_t hash = Hash(element);
  // A bit behind the last one ends the longest run.
  const std::uint64_t rest = hash >> kHllIndexBits | std::uint64_t{1} << kHllHashBits;
  return {.index = static_cast<std::uint16_t>(hash & (kHllRegisters - 1)),
          .count = static_cast<std::uint8_t>(std::countr_zero(rest) + 1)};
}

}  // namespace slotway::storage
