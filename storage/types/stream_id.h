// SPDX-License-Identifier: Apache-2.0
// The id of a stream's entry: milliseconds and a sequence number, ordered by the first, then the
// second. Pure.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace slotway::storage {

struct StreamId {
  static constexpr std::uint64_t kMaxPart = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t ms = 0;
  std::uint64_t seq = 0;

  auto operator<=>(const StreamId&) const = default;
  static constexpr StreamId Max() { return {kMaxPart, kMaxPart}; }
  bool IsZero() const { return ms == 0 && seq == 0; }

  // The id right behind and right before; nothing beyond the last and the first.
  std::optional<StreamId> Next() const {
    if (seq != kMaxPart) return StreamId{ms, seq + 1};
    if (ms != kMaxPart) return StreamId{ms + 1, 0};
    return std::nullopt;
  }
  std::optional<StreamId> Previous() const {
    if (seq != 0) return StreamId{ms, seq - 1};
    if (ms != 0) return StreamId{ms - 1, kMaxPart};
    return std::nullopt;
  }
};

// "1526919030474-55", kept by whoever needs it.
struct StreamIdText {
  char bytes[44];

  std::string_view Print(StreamId id) {
    constexpr int kDigitsMax = 20;
    char* end = std::to_chars(bytes, bytes + kDigitsMax, id.ms).ptr;
    *end++ = '-';
    end = std::to_chars(end, bytes + sizeof bytes, id.seq).ptr;
    return {bytes, static_cast<std::size_t>(end - bytes)};
  }
};

}  // namespace slotway::storage
