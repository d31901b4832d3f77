// SPDX-License-Identifier: Apache-2.0
#include "storage/types/bit_string.h"

#include <bit>
#include <cstddef>
#include <cstring>

namespace slotway::storage {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kWordsPerStep = 4;

std::uint64_t WordAt(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// What is left of a string behind its last whole word, as a word whose other bits are zero.
std::uint64_t RestOf(std::string_view bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return word;
}

// Several sums, so that one addition need not wait for the other. `always_inline`: it takes on the
// instructions that its caller may use.
[[gnu::always_inline]] inline std::uint64_t CountWords(std::string_view bytes) {
  std::uint64_t sums[kWordsPerStep] = {};
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= kWordsPerStep * kWord; left -= kWordsPerStep * kWord) {
    for (std::size_t i = 0; i < kWordsPerStep; ++i) {
      sums[i] += static_cast<unsigned>(__builtin_popcountll(WordAt(at + i * kWord)));
    }
    at += kWordsPerStep * kWord;
  }
  for (; left >= kWord; left -= kWord, at += kWord) {
    sums[0] += static_cast<unsigned>(__builtin_popcountll(WordAt(at)));
  }
  if (left > 0) sums[1] += static_cast<unsigned>(__builtin_popcountll(RestOf({at, left})));
  return sums[0] + sums[1] + sums[2] + sums[3];
}

#if defined(__x86_64__)
// Nearly every processor has the instruction, but the least one that we compile for has not.
[[gnu::target("popcnt")]] std::uint64_t CountWordsByInstruction(std::string_view bytes) {
  return CountWords(bytes);
}
#endif

std::uint8_t ByteAt(std::string_view bytes, std::uint64_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

// The bits of a byte from `position` on, and those up to it.
std::uint8_t MaskFrom(std::uint64_t position) {
  return static_cast<std::uint8_t>(0xffu >> (position & 7));
}
std::uint8_t MaskUpTo(std::uint64_t position) {
  return static_cast<std::uint8_t>(0xffu << (7 - (position & 7)));
}

// The index of the first byte that is not `filler` (0x00 or 0xff); bytes.size() if there is none.
std::size_t FirstByteOtherThan(std::string_view bytes, std::uint8_t filler) {
  using Words = std::uint64_t __attribute__((vector_size(16)));
  constexpr std::size_t kStepBytes = 8 * sizeof(Words);
  const std::uint64_t word_filler = filler == 0 ? 0 : ~std::uint64_t{0};
  const Words words_filler = {word_filler, word_filler};
  std::size_t at = 0;
  for (; at + kStepBytes <= bytes.size(); at += kStepBytes) {
    Words words[8];
    std::memcpy(words, bytes.data() + at, kStepBytes);
    Words others = {0, 0};
    for (const Words& each : words) others |= each ^ words_filler;
    if ((others[0] | others[1]) != 0) break;
  }
  while (at < bytes.size() && ByteAt(bytes, at) == filler) ++at;
  return at;
}

}  // namespace

bool BitAt(std::string_view bytes, std::uint64_t position) {
  const std::uint64_t index = position / 8;
  return index < bytes.size() && (ByteAt(bytes, index) >> (7 - position % 8) & 1) != 0;
}

std::uint64_t CountBits(std::string_view bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("popcnt") != 0;
  if (has_instruction) return CountWordsByInstruction(bytes);
#endif
  return CountWords(bytes);
}

std::uint64_t CountBits(std::string_view bytes, std::uint64_t first, std::uint64_t last) {
  const std::uint64_t first_byte = first / 8;
  const std::uint64_t last_byte = last / 8;
  const unsigned before = ByteAt(bytes, first_byte) & ~MaskFrom(first) & 0xffu;
  const unsigned behind = ByteAt(bytes, last_byte) & ~MaskUpTo(last) & 0xffu;
  return CountBits(bytes.substr(first_byte, last_byte - first_byte + 1)) -
         static_cast<unsigned>(std::popcount(before)) -
         static_cast<unsigned>(std::popcount(behind));
}

std::optional<std::uint64_t> FindBit(std::string_view bytes, bool bit, std::uint64_t first,
                                     std::uint64_t last) {
  const std::uint8_t filler = bit ? 0x00 : 0xff;
  std::uint64_t index = first / 8;
  const std::uint64_t last_byte = last / 8;
  // The bits of one byte that are wanted there, as ones.
  const auto wanted_in = [&](std::uint64_t at) {
    unsigned wanted = ByteAt(bytes, at) ^ filler;
    if (at == first / 8) wanted &= MaskFrom(first);
    if (at == last_byte) wanted &= MaskUpTo(last);
    return static_cast<std::uint8_t>(wanted);
  };
  if (wanted_in(index) == 0 && index < last_byte) {
    ++index;
    index += FirstByteOtherThan(bytes.substr(index, last_byte - index), filler);
  }
  const std::uint8_t wanted = wanted_in(index);
  if (wanted == 0) return std::nullopt;
  return index * 8 + static_cast<unsigned>(std::countl_zero(wanted));
}

}  // namespace slotway::storage
