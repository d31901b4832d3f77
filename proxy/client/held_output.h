// SPDX-License-Identifier: Apache-2.0
// How long the first replies of a batch of requests wait for the rest, to leave in one send.
//
// No longer than they themselves took to come: a shard that is busy, or a machine that is, makes
// the parts of a batch come as far apart from one another as from their requests. Loop times, ms.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slotway::proxy {

class HeldOutput {
 public:
  // Whether the output may wait at `now_ms` for a batch that was read at `asked_ms`. Once it says
  // no, the output has to leave: the next call begins anew.
  bool MayWait(std::uint64_t now_ms, std::uint64_t asked_ms) {
    if (until_ms_ == 0) {
      until_ms_ = now_ms + std::min(now_ms - asked_ms, kMaxMs);
      return true;
    }
    if (now_ms <= until_ms_) return true;
    until_ms_ = 0;
    return false;
  }
  // The output leaves.
  void End() { until_ms_ = 0; }

 private:
  static constexpr std::uint64_t kMaxMs = 5;

  std::uint64_t until_ms_ = 0;  // 0: nothing waits
};

}  // namespace slotway::proxy
