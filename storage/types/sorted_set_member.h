// SPDX-License-Identifier: Apache-2.0
// One member of a large sorted set in one allocation of the arena.
//
//   0  f64  score
//   8  u8   length of the member up to 253; 254: it follows as u16; 255: it follows as u32
//      ...  the member
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "storage/memory/record_arena.h"
#include "storage/types/sorted_set_order.h"

namespace slotway::storage {

class SortedSetMember {
 public:
  SortedSetMember(const RecordArena& arena, ArenaRef ref)
      : at_(reinterpret_cast<char*>(arena.At(ref))) {}
  explicit SortedSetMember(std::byte* address) : at_(reinterpret_cast<char*>(address)) {}

  static std::size_t BytesFor(std::string_view member) {
    return kLengthAt + 1 + WideBytes(CodeOf(member.size())) + member.size();
  }
  // Writes both at the address, which has BytesFor(member).
  void Format(double score, std::string_view member) {
    SetScore(score);
    const std::uint8_t code = CodeOf(member.size());
    const std::size_t length = member.size();
    std::memcpy(at_ + kLengthAt, &code, 1);
    std::memcpy(at_ + kLengthAt + 1, &length, WideBytes(code));
    std::memcpy(at_ + kLengthAt + 1 + WideBytes(code), member.data(), member.size());
  }

  double Score() const {
    double score;
    std::memcpy(&score, at_, sizeof score);
    return score;
  }
  void SetScore(double score) { std::memcpy(at_, &score, sizeof score); }

  std::string_view Text() const {
    const auto code = static_cast<std::uint8_t>(at_[kLengthAt]);
    if (code < kWide16) [[likely]]
      return {at_ + kLengthAt + 1, code};
    std::uint32_t length = 0;
    std::memcpy(&length, at_ + kLengthAt + 1, WideBytes(code));
    return {at_ + kLengthAt + 1 + WideBytes(code), length};
  }

  ScoredMember View() const { return {Score(), Text()}; }

 private:
  static constexpr std::size_t kLengthAt = 8;
  static constexpr std::uint8_t kWide16 = 254;
  static constexpr std::uint8_t kWide32 = 255;

  static std::uint8_t CodeOf(std::size_t length) {
    if (length < kWide16) return static_cast<std::uint8_t>(length);
    return length <= UINT16_MAX ? kWide16 : kWide32;
  }
  static std::size_t WideBytes(std::uint8_t code) {
    return code < kWide16 ? 0 : code == kWide16 ? 2 : 4;
  }

  char* at_;
};

}  // namespace slotway::storage
