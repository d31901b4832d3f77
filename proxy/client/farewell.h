// SPDX-License-Identifier: Apache-2.0
// When a client is let go whose proxy is about to end: behind an answer, in a moment when it waits.
//
// A client cannot know of the end of its connection before that has reached it, and what it sends
// in between is lost. The one moment when it certainly sends nothing is while it waits for an
// answer. So answers are kept for a moment; if nothing more is asked meanwhile (the rest of a
// pipeline, or what others share the connection for), they leave together with the end, else
// without it, and that is tried again later. Who has not asked for a while goes at once, and in the
// end, at the last call, everybody. Loop times, ms.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slotway::proxy {

class Farewell {
 public:
  enum class Step : std::uint8_t { kSend, kKeep, kGo };

  // Who has asked within this time may be about to ask again.
  static constexpr std::uint64_t kAskingMs = 1000;
  // How long nothing has to be asked, while answers are kept, until nothing more seems to come. A
  // client that is short of time may take long between two parts of a pipeline.
  static constexpr std::uint64_t kQuietMs = 10;
  static constexpr std::uint64_t kQuietOfPipelineMs = 100;
  // For how much longer answers are kept at most, and how much later that is tried again.
  static constexpr std::uint64_t kKeepMoreMs = 50;
  static constexpr std::uint64_t kRetryMs = 500;

  void Begin(std::uint64_t now_ms) {
    if (!has_begun_) begun_at_ms_ = now_ms;
    has_begun_ = true;
  }
  bool HasBegun() const { return has_begun_; }
  std::uint64_t BegunAtMs() const { return begun_at_ms_; }

  // What is to happen with output that is there, the last request having come at `asked_at_ms`.
  // Asked again as long as it is kept. `is_all`: nothing else is owed to the client. `pipelines`:
  // it is one that asks for more before it has its answers.
  Step AtOutput(std::uint64_t now_ms, std::uint64_t asked_at_ms, bool is_all, bool pipelines) {
    const std::uint64_t quiet_ms = pipelines ? kQuietOfPipelineMs : kQuietMs;
    if (now_ms < next_try_at_ms_) return Step::kSend;
    if (kept_since_ms_ == 0) kept_since_ms_ = now_ms;
    if (is_all && now_ms - std::max(kept_since_ms_, asked_at_ms) >= quiet_ms) return Step::kGo;
    if (now_ms - kept_since_ms_ < quiet_ms + kKeepMoreMs) return Step::kKeep;
    next_try_at_ms_ = now_ms + kRetryMs;
    return SendNow();
  }
  // The output leaves for another reason.
  Step SendNow() {
    kept_since_ms_ = 0;
    return Step::kSend;
  }

  // Whether what waits at a shard is to be told to give up: from time to time, for a shard that has
  // not read of it yet knows nothing of it.
  bool MayCallOff(std::uint64_t now_ms) {
    if (now_ms < next_call_off_at_ms_) return false;
    next_call_off_at_ms_ = now_ms + kRetryMs;
    return true;
  }

 private:
  std::uint64_t begun_at_ms_ = 0;
  std::uint64_t kept_since_ms_ = 0;  // 0: nothing is kept
  std::uint64_t next_try_at_ms_ = 0;
  std::uint64_t next_call_off_at_ms_ = 0;
  bool has_begun_ = false;
};

}  // namespace slotway::proxy
