// SPDX-License-Identifier: Apache-2.0
// One cache line of the index: up to eight entries, each a 16-bit tag and a reference of five
// bytes.
//
//   0   u16 x 8   tags
//   16  u40 x 8   references into the arena
//   56  u32       unused
//   60  u8        occupied: bit i set when entry i is in use
//   61  u8        passed: entries whose home is here or before and that went on to a later bucket;
//                 255 sticks until the table is rebuilt
//   62  u16       filter of the passed entries: bit (tag mod 16) set for each
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "storage/memory/record_arena.h"

namespace slotway::storage {

struct alignas(64) Bucket {
  static constexpr int kEntries = 8;
  static constexpr std::uint8_t kPassedMax = 255;

  std::uint16_t tags[kEntries];
  std::uint8_t references[kEntries][5];
  std::uint32_t unused;
  std::uint8_t occupied;
  std::uint8_t passed;
  std::uint16_t filter;

  bool IsFull() const { return occupied == 0xff; }
  int Count() const { return __builtin_popcount(occupied); }
  int FreeIndex() const { return __builtin_ctz(static_cast<unsigned>(~occupied)); }
  bool Holds(int index) const { return (occupied >> index & 1) != 0; }

  ArenaRef Ref(int index) const {
    std::uint32_t low;
    std::memcpy(&low, references[index], sizeof low);
    return low | ArenaRef{references[index][4]} << 32;
  }
  void SetRef(int index, ArenaRef ref) {
    const auto low = static_cast<std::uint32_t>(ref);
    std::memcpy(references[index], &low, sizeof low);
    references[index][4] = static_cast<std::uint8_t>(ref >> 32);
  }
  void Put(int index, std::uint16_t tag, ArenaRef ref) {
    tags[index] = tag;
    SetRef(index, ref);
    occupied = static_cast<std::uint8_t>(occupied | 1u << index);
  }
  void Remove(int index) { occupied = static_cast<std::uint8_t>(occupied & ~(1u << index)); }

  // Whether an entry with this tag may be in a later bucket.
  bool MayHavePassed(std::uint16_t tag) const { return (filter >> (tag & 15) & 1) != 0; }
  void NotePassed(std::uint16_t tag) {
    if (passed != kPassedMax) ++passed;
    filter = static_cast<std::uint16_t>(filter | 1u << (tag & 15));
  }
  void NotePassedGone() {
    if (passed == kPassedMax) return;
    if (--passed == 0) filter = 0;
  }

  // A bit for each entry with this tag.
  unsigned Match(std::uint16_t tag) const {
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi16(static_cast<short>(tag));
    const __m128i equal =
        _mm_cmpeq_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(tags)), wanted);
    const int bits = _mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
    return static_cast<unsigned>(bits) & occupied;
#else
    unsigned bits = 0;
    for (int i = 0; i < kEntries; ++i) bits |= static_cast<unsigned>(tags[i] == tag) << i;
    return bits & occupied;
#endif
  }
};
static_assert(sizeof(Bucket) == 64 && offsetof(Bucket, unused) == 56);

// Where an entry sits.
struct Spot {
  Bucket* bucket = nullptr;
  int index = 0;

  explicit operator bool() const { return bucket != nullptr; }
  ArenaRef ref() const { return bucket->Ref(index); }
};

}  // namespace slotway::storage
