// SPDX-License-Identifier: Apache-2.0
// The four access bytes of a record: when, or how often, it was used.
//
// LRU: unix time in tenths of a second, modulo 2^32. LFU: a logarithmic counter in the low 8 bits,
// above it the time of the last access in 256ths of a minute, modulo 2^24. Counters decay by whole
// minutes; the fraction tells apart keys that are used equally often.
// Source of the LFU rule: "Using Redis as an LRU cache", the new LFU mode.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slotway::storage {

// What the four bytes mean (maxmemory-policy *-lru or *-lfu).
enum class AccessClock : std::uint8_t { kLru, kLfu };

struct AccessRules {
  AccessClock clock = AccessClock::kLru;
  int lfu_log_factor = 10;
  int lfu_decay_minutes = 1;
};

inline constexpr std::uint32_t kLfuInitialCounter = 5;

constexpr std::uint32_t LruNow(std::int64_t now_ms) {
  return static_cast<std::uint32_t>(now_ms / 100);
}

constexpr std::int64_t LruIdleTenths(std::uint32_t access, std::int64_t now_ms) {
  // A clock set back a little reads as no idle time, not as the largest.
  const auto tenths = static_cast<std::int32_t>(LruNow(now_ms) - access);
  return tenths < 0 ? 0 : tenths;
}

// The longest idle time that can be told, in seconds: 6.8 years.
inline constexpr std::int64_t kLruIdleSecondsMax = INT32_MAX / 10;

constexpr std::int64_t LfuTime(std::int64_t now_ms) { return now_ms * 256 / 60'000; }

constexpr std::uint32_t LfuPack(std::uint32_t counter, std::int64_t now_ms) {
  return static_cast<std::uint32_t>(LfuTime(now_ms)) << 8 | counter;
}

constexpr std::int64_t LfuIdle(std::uint32_t access, std::int64_t now_ms) {
  const std::uint32_t elapsed = (static_cast<std::uint32_t>(LfuTime(now_ms)) - (access >> 8)) << 8;
  const auto signed_elapsed = static_cast<std::int32_t>(elapsed);
  return signed_elapsed < 0 ? 0 : signed_elapsed >> 8;
}

// The counter, less one for each `decay_minutes` that passed.
constexpr std::uint32_t LfuCounter(std::uint32_t access, std::int64_t now_ms, int decay_minutes) {
  const std::uint32_t counter = access & 0xff;
  if (decay_minutes <= 0) return counter;
  const auto minute = static_cast<std::uint32_t>(LfuTime(now_ms) >> 8);
  const std::uint32_t elapsed = (minute - (access >> 16)) & 0xffff;
  return counter - std::min(counter, elapsed / static_cast<std::uint32_t>(decay_minutes));
}

// One more access: raises the counter with a chance that falls as it grows. `random` is uniform.
constexpr std::uint32_t LfuTouched(std::uint32_t counter, std::uint32_t random, int log_factor) {
  if (counter >= 255) return 255;
  const std::uint32_t base = counter > kLfuInitialCounter ? counter - kLfuInitialCounter : 0;
  const std::uint64_t one_in = std::uint64_t{base} * static_cast<std::uint32_t>(log_factor) + 1;
  return random * one_in <= UINT32_MAX ? counter + 1 : counter;
}

// How soon a key is to go, compared with others at any time: the larger, the sooner. Does not
// change while the key is not used, but for the decay of its counter, and falls when it is.
constexpr std::uint64_t LruRank(std::uint32_t access, std::int64_t now_ms) {
  constexpr std::int64_t kBeyondAnyTime = std::int64_t{1} << 48;
  return static_cast<std::uint64_t>(kBeyondAnyTime - now_ms / 100 + LruIdleTenths(access, now_ms));
}

// Of keys used equally often the one that was used last stays longest.
constexpr std::uint64_t LfuRank(std::uint32_t access, const AccessRules& rules,
                                std::int64_t now_ms) {
  constexpr std::int64_t kBeyondAnyTime = std::int64_t{1} << 48;
  const std::uint64_t counter = LfuCounter(access, now_ms, rules.lfu_decay_minutes);
  return (255 - counter) << 49 |
         static_cast<std::uint64_t>(kBeyondAnyTime - LfuTime(now_ms) + LfuIdle(access, now_ms));
}

}  // namespace slotway::storage
