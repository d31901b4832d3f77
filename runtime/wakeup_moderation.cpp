// SPDX-License-Identifier: Apache-2.0
#include "runtime/wakeup_moderation.h"

namespace slotway::runtime {

void WakeupModeration::BeginWindow(std::uint64_t now_us) {
  const std::uint64_t lasted_us = now_us - began_us_;
  is_busy_ = 2 * waited_us_ <= lasted_us;
  pause_us_ = 0;
  if (answers_ > 0) {
    const std::uint64_t pause_us =
        std::min<std::uint64_t>(pause_max_us_, answered_us_ / answers_ / kPartOfAnswer);
    const bool is_worth_it =
        pause_us >= kPauseMinUs && asks_ * pause_us >= kArrivalsMin * lasted_us;
    if (is_worth_it) pause_us_ = static_cast<std::uint32_t>(pause_us);
  }
  began_us_ = now_us;
  asks_ = answers_ = answered_us_ = waited_us_ = 0;
}

}  // namespace slotway::runtime
