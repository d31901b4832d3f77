// SPDX-License-Identifier: Apache-2.0
// How long a loop that is about to wait should pause first, so that it wakes up once for what
// several connections send.
//
// Going to sleep and being woken costs a thread more than a small request does, and requests that
// are handled together share the sends to those who answer them. Network cards do the same and call
// it interrupt moderation. Whoever waits for an answer must not notice: the pause is a small part
// of what answers take anyway, from the read that brings a request to the flush that takes its
// answer. How many wait at once is, by Little's law, that time multiplied by the rate of asking:
// with fewer than kPartOfAnswer * kArrivalsMin a pause gathers nothing worth it, and there is none.
// Nor may it cost throughput: a loop that is busy for half of the time or more, or had so much to do
// that waking up was little beside it, goes on with what is ready, and pauses only when that is nothing.
//
// Pure: told of reads, answers and the time. Belongs to its loop's thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slotway::runtime {

class WakeupModeration {
 public:
  static constexpr std::uint32_t kPauseMaxUs = 400;
  static constexpr std::uint32_t kPauseMinUs = 10;  // below, a sleep takes longer than it lasts
  static constexpr std::uint32_t kPartOfAnswer = 4;
  static constexpr std::uint32_t kArrivalsMin = 2;
  static constexpr std::uint32_t kWindowUs = 4000;
  static constexpr std::uint32_t kMuchWorkUs = 150;

  // No pause is longer; 0: there are none.
  void SetPauseMax(std::uint32_t us) { pause_max_us_ = us; }

  // A connection is read. `asked_us` is the connection's: since when it waits for an answer; 0, as
  // at first: it does not.
  void NoteRead(std::uint32_t& asked_us, std::uint64_t now_us) {
    if (asked_us != 0) return;
    ++asks_;
    asked_us = std::max(static_cast<std::uint32_t>(now_us), 1u);
  }
  // It has been sent all that there is for it.
  void NoteAnswered(std::uint32_t& asked_us, std::uint64_t now_us) {
    if (asked_us == 0) return;
    // Who waits for what may not come for long says nothing of the others.
    const std::uint32_t took_us = static_cast<std::uint32_t>(now_us) - asked_us;
    answered_us_ += std::min(took_us, kWindowUs);
    ++answers_;
    asked_us = 0;
  }

  // The loop has nothing to do but to wait. For how many microseconds to pause before; 0: not at
  // all. Follows the load by windows of a few milliseconds.
  std::uint32_t PauseUs(std::uint64_t now_us) {
    EndWait(now_us);
    had_much_to_do_ = now_us - worked_since_us_ >= kMuchWorkUs;
    if (now_us - began_us_ >= kWindowUs) BeginWindow(now_us);
    waits_since_us_ = now_us;
    return pause_us_;
  }
  // It has something to do again.
  void EndWait(std::uint64_t now_us) {
    if (waits_since_us_ == 0) return;
    waited_us_ += now_us - waits_since_us_;
    waits_since_us_ = 0;
    worked_since_us_ = now_us;
  }
  // Whether it goes on with what is ready instead of pausing.
  bool GoesOn() const { return is_busy_ || had_much_to_do_; }

 private:
  void BeginWindow(std::uint64_t now_us);

  std::uint32_t pause_max_us_ = kPauseMaxUs;
  std::uint32_t pause_us_ = 0;
  bool is_busy_ = false;         // in the last window, for half of the time or more
  bool had_much_to_do_ = false;  // since it waited last
  std::uint64_t waits_since_us_ = 0;  // 0: it does not wait
  std::uint64_t worked_since_us_ = 0;
  // Of this window.
  std::uint64_t began_us_ = 0;
  std::uint64_t asks_ = 0;
  std::uint64_t answers_ = 0;
  std::uint64_t answered_us_ = 0;  // what they took, together
  std::uint64_t waited_us_ = 0;
};

}  // namespace slotway::runtime
