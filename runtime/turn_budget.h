// SPDX-License-Identifier: Apache-2.0
// How long one kind of work may take in one iteration of a loop, so that others have their turn.
//
// The time begins with the first question of an iteration. Each kind has a budget of its own, so
// that one that always uses it up leaves the others theirs. Belongs to its loop's thread.
#pragma once

#include <cstdint>

#include "runtime/event_loop.h"

namespace slotway::runtime {

class TurnBudget {
 public:
  // The clock is read for one question in `stride`, a power of two.
  TurnBudget(const EventLoop& loop, std::uint64_t max_us, std::uint32_t stride = 1)
      : loop_(loop), max_us_(max_us), stride_mask_(stride - 1) {}

  // Whether what is left has to wait for the next iteration. False at least once in each.
  bool IsOver() {
    if (turn_ != loop_.Turn()) {
      Begin();
    } else if (!is_over_ && (++questions_ & stride_mask_) == 0) {
      is_over_ = loop_.TimeSource().NowMonotonicUs() - began_us_ >= max_us_;
    }
    return is_over_;
  }

 private:
  void Begin() {
    turn_ = loop_.Turn();
    began_us_ = loop_.TimeSource().NowMonotonicUs();
    questions_ = 0;
    is_over_ = false;
  }

  const EventLoop& loop_;
  std::uint64_t max_us_;
  std::uint64_t began_us_ = 0;
  std::uint32_t stride_mask_;
  std::uint32_t questions_ = 0;
  std::uint32_t turn_ = 0;  // no iteration is the zeroth
  bool is_over_ = false;
};

}  // namespace slotway::runtime
