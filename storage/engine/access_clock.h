// SPDX-License-Identifier: Apache-2.0
// The four access bytes of a record: when, or how often, it was used.
//
// LRU: unix time in tenths of a second, modulo 2^32. LFU: a logarithmic counter in the low 8 bits,
// above it the minute (modulo 2^16) when it last decayed.
// Source of the LFU rule: "Using Redis as an LRU cache", the new LFU mode.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slotway::storage {

inline constexpr std::uint32_t kLfuInitialCounter = 5;

constexpr std::uint32_t LruNow(std::int64_t now_ms) {
  return static_cast<std::uint32_t>(now_ms / 100);
}

constexpr std::int64_t LruIdleSeconds(std::uint32_t access, std::int64_t now_ms) {
  // A clock set back a little reads as no idle time, not as the largest.
  const auto tenths = static_cast<std::int32_t>(LruNow(now_ms) - access);
  return tenths < 0 ? 0 : tenths / 10;
}

constexpr std::uint32_t LfuMinute(std::int64_t now_ms) {
  return static_cast<std::uint32_t>(now_ms / 60'000) & 0xffff;
}

constexpr std::uint32_t LfuPack(std::uint32_t counter, std::int64_t now_ms) {
  return LfuMinute(now_ms) << 8 | counter;
}

// The counter, less one for each `decay_minutes` that passed.
constexpr std::uint32_t LfuCounter(std::uint32_t access, std::int64_t now_ms, int decay_minutes) {
  const std::uint32_t counter = access & 0xff;
  if (decay_minutes <= 0) return counter;
  const std::uint32_t elapsed = (LfuMinute(now_ms) - (access >> 8)) & 0xffff;
  return counter - std::min(counter, elapsed / static_cast<std::uint32_t>(decay_minutes));
}

// One more access: raises the counter with a chance that falls as it grows. `random` is uniform.
constexpr std::uint32_t LfuTouched(std::uint32_t counter, std::uint32_t random, int log_factor) {
  if (counter >= 255) return 255;
  const std::uint32_t base = counter > kLfuInitialCounter ? counter - kLfuInitialCounter : 0;
  const std::uint64_t one_in = std::uint64_t{base} * static_cast<std::uint32_t>(log_factor) + 1;
  return random * one_in <= UINT32_MAX ? counter + 1 : counter;
}

}  // namespace slotway::storage
