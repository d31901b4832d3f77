// SPDX-License-Identifier: Apache-2.0
// What the target of a migration decides: when it may take the slots over. See slot_export.h.
//
// It lets the source hold its clients, and counts the time from before that: so its time is over
// first, whatever the network does, and after that it takes nothing over any more. It takes over
// when its replicas have everything, so that they go on with it. Pure. Engine thread.
#pragma once

#include <cstdint>

namespace slotway::storage::cluster {

class SlotImport {
 public:
  enum class Step : std::uint8_t { kWait, kAnswerPause, kTakeOver, kTooLate };

  // The source asks to hold its clients for so long. The answer goes when replicas have what came.
  void AskToPause(std::int64_t pause_ms) {
    pause_ms_ = pause_ms;
    stage_ = Stage::kWillPause;
  }
  // The source has sent everything. False if it was never told that it may.
  bool Finish() {
    if (stage_ != Stage::kPaused) return false;
    stage_ = Stage::kFinishing;
    return true;
  }
  // What is to be done now, given that the replicas have everything that came, or not.
  Step Look(std::int64_t now_ms, bool have_replicas_all) {
    if (stage_ == Stage::kWillPause && have_replicas_all) {
      stage_ = Stage::kPaused;
      until_ms_ = now_ms + pause_ms_ * kShareInTenths / 10;
      return Step::kAnswerPause;
    }
    if (stage_ != Stage::kFinishing) return Step::kWait;
    if (!IsInTime(now_ms)) return Step::kTooLate;
    return have_replicas_all ? Step::kTakeOver : Step::kWait;
  }
  bool IsInTime(std::int64_t now_ms) const { return now_ms < until_ms_; }

 private:
  // Clocks of two machines do not go at the same speed.
  static constexpr std::int64_t kShareInTenths = 9;
  enum class Stage : std::uint8_t { kTaking, kWillPause, kPaused, kFinishing };

  Stage stage_ = Stage::kTaking;
  std::int64_t pause_ms_ = 0;
  std::int64_t until_ms_ = 0;
};

}  // namespace slotway::storage::cluster
