// SPDX-License-Identifier: Apache-2.0
// Which keys one worker's clients ask for most, from samples: a summary of fixed size.
//
// Space-saving (Metwally, Agrawal, El Abbadi, 2005): a key without a counter takes over the smallest
// one, count included, so that counts are never too low, and too high by at most `error`. A key that
// gets more than 1/kCountersMax of the samples has a counter. Counts are halved each minute: what is
// told is about the last minutes. Any thread: only sampled requests take the lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace slotway::proxy {

struct HotKey {
  std::string key;  // the first HotKeys::kKeyBytesMax bytes
  double samples = 0;
  double error = 0;
};

class HotKeys {
 public:
  static constexpr std::size_t kCountersMax = 512;
  static constexpr std::size_t kKeyBytesMax = 256;
  static constexpr std::uint64_t kHalvedEveryMs = 60'000;

  // A request for the key was drawn; it counts as `weight` samples.
  void Sample(std::string_view key, std::uint64_t now_ms, double weight = 1);

  struct Report {
    std::vector<HotKey> keys;   // all that have a counter, in no order
    double samples = 0;         // of all keys
    double seconds = 0;         // the time they are of
  };
  Report Read(std::uint64_t now_ms) const;
  void Clear();

 private:
  struct Counter {
    std::string key;
    double count = 0;
    double error = 0;
  };
  using Place = std::uint32_t;
  void Count(Place place, double count);
  Place PlaceFor(std::string_view key);
  void HalveIfDue(std::uint64_t now_ms);

  mutable std::mutex mutex_;  // guards everything
  std::vector<Counter> counters_;
  std::unordered_map<std::string_view, Place> places_;  // keys are in counters_, which never moves
  std::set<std::pair<double, Place>> by_count_;
  double samples_ = 0;
  double seconds_before_ = 0;  // that counts cover, up to since_ms_
  std::uint64_t since_ms_ = 0;
};

}  // namespace slotway::proxy
