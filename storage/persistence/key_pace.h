// SPDX-License-Identifier: Apache-2.0
// Makes work on keys slow on purpose: rdb-key-save-delay and key-load-delay, for tests of what
// happens meanwhile. Nobody sleeps: the work goes on when its time has come. A value; any thread.
#pragma once

#include <cstdint>

namespace slotway::storage {

class KeyPace {
 public:
  KeyPace() = default;
  // `delay_us` per key; negative: a microsecond per so many keys. 0: at once.
  KeyPace(std::int64_t delay_us, std::uint64_t start_us)
      : delay_us_(delay_us), start_us_(start_us) {}

  bool IsOn() const { return delay_us_ != 0; }
  // How long to wait before going on, when `keys` are done; 0: go on.
  std::uint64_t WaitMs(std::uint64_t keys, std::uint64_t now_us) const {
    constexpr std::uint64_t kUsPerMs = 1000;
    const std::uint64_t due_us = start_us_ + DurationUs(keys);
    return due_us > now_us ? (due_us - now_us + kUsPerMs - 1) / kUsPerMs : 0;
  }

 private:
  std::uint64_t DurationUs(std::uint64_t keys) const {
    if (delay_us_ >= 0) return keys * static_cast<std::uint64_t>(delay_us_);
    return keys / static_cast<std::uint64_t>(-delay_us_);
  }

  std::int64_t delay_us_ = 0;
  std::uint64_t start_us_ = 0;
};

}  // namespace slotway::storage
