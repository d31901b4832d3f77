// SPDX-License-Identifier: Apache-2.0
// How long a loop that is about to wait should pause first, so that it wakes up once for what
// several connections send.
//
// Going to sleep and being woken costs a thread more than a small request does, and requests that
// are handled together share the sends to those who answer them. Network cards do the same and call
// it interrupt moderation. Whoever waits for an answer must not notice: the pause is a small part
// of the time that a round takes each busy connection anyway, from one read to its next. By
// Little's law that is the number of busy connections divided by their reads per microsecond. With
// fewer than kPartOfRound * kArrivalsMin of them a pause gathers nothing worth it, and there is
// none.
//
// Pure: told of reads and of the time. Belongs to its loop's thread.
#pragma once

#include <cstdint>

namespace slotway::runtime {

class WakeupModeration {
 public:
  static constexpr std::uint32_t kPauseMaxUs = 100;
  static constexpr std::uint32_t kPauseMinUs = 10;  // below, a sleep takes longer than it lasts
  static constexpr std::uint32_t kPartOfRound = 8;
  static constexpr std::uint32_t kArrivalsMin = 2;
  static constexpr std::uint64_t kWindowUs = 4000;

  // No pause is longer; 0: there are none.
  void SetPauseMax(std::uint32_t us) { pause_max_us_ = us; }

  // A connection is read. `window` is the connection's: in which window that was done last, at
  // first 0.
  void NoteRead(std::uint32_t& window) {
    ++reads_;
    if (window == window_) return;
    window = window_;
    ++connections_;
  }

  // For how many microseconds to pause now; 0: not at all. Follows the load by windows of a few
  // milliseconds.
  std::uint32_t PauseUs(std::uint64_t now_us) {
    if (now_us - began_us_ >= kWindowUs) BeginWindow(now_us);
    return pause_us_;
  }

 private:
  void BeginWindow(std::uint64_t now_us);

  std::uint32_t pause_max_us_ = kPauseMaxUs;
  std::uint32_t pause_us_ = 0;
  std::uint32_t window_ = 1;  // never 0
  std::uint64_t began_us_ = 0;
  std::uint64_t reads_ = 0;        // in this window
  std::uint64_t connections_ = 0;  // of those reads
};

}  // namespace slotway::runtime
