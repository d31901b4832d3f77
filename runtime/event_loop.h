// SPDX-License-Identifier: Apache-2.0
// One libuv loop: what a thread waits on, and the stage at which it writes.
//
// Output is not written where it is produced. A connection that has some marks itself, and every
// marked connection is flushed once per iteration: upstream connections first, then downstream
// ones, so that a batch leaves in one send; those last who have been silent themselves. Reading and
// flushing have a time each in an iteration; what they leave goes on in the next one. While many
// clients wait for answers, a loop with nothing to do pauses for a moment before it waits, so that it
// wakes up once for several of them: see WakeupModeration. Everything but Post() and Stop() belongs
// to the thread that runs the loop.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <uv.h>
#include <vector>

#include "runtime/clock.h"
#include "runtime/wakeup_moderation.h"

namespace slotway::runtime {

class Connection;
class TurnBudget;

// In which order connections are flushed. What others must have before it is confirmed goes
// upstream, first. A downstream connection that was silent for a while is one of a crowd, or told
// something on somebody else's account as subscribers are: it comes last.
enum class FlushStage : std::uint8_t { kUpstream = 0, kDownstream = 1, kSilent = 2 };
inline constexpr std::size_t kFlushStages = 3;

class EventLoop {
 public:
  // `clock` measures what an iteration has spent; timers go by the system's.
  explicit EventLoop(const Clock& clock = SystemClock());
  // REQUIRES: Run() has returned or was never called.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  uv_loop_t* Uv() { return &loop_; }
  // Runs until Stop(); whatever was deferred has run when it returns.
  void Run();
  // Serves what is ready, once and without waiting, in the middle of a callback: for work that
  // takes long but must not be left. Everything may happen meanwhile but an end of Run(). REQUIRES:
  // no other such call is at work, and the connection whose callback this is is not read meanwhile.
  void ServeWithin();
  // Makes Run() return after the current iteration. Any thread.
  void Stop();
  // Runs `task` on the loop's thread, soon. Any thread; tasks of one thread keep their order. Many
  // tasks take several iterations: sockets are served in between.
  void Post(std::function<void()> task);

  // Milliseconds of a monotonic clock, as of the start of this iteration.
  std::uint64_t NowMs() const { return uv_now(&loop_); }

  // Runs `task` at the end of this iteration, before anything is flushed. Loop thread only. For
  // work that must not run inside the callback that asks for it.
  void Defer(std::function<void()> task) { deferred_.push_back(std::move(task)); }
  // Runs `task` in the next iteration, which does not wait for anything else to happen. Loop thread
  // only. For the rest of work of which all at once would keep others waiting.
  void DeferToNextTurn(std::function<void()> task);
  // Runs `task` at the end of this iteration or, if many such tasks have taken their time, of a
  // later one; in order. Loop thread only. For what ends: it may end in crowds.
  void DeferEnd(std::function<void()> task) { ends_.push_back(std::move(task)); }
  // How often an iteration has ended with nothing left that could be flushed: when it has changed,
  // what was appended before has been offered to its sockets.
  std::uint64_t CompleteFlushes() const { return complete_flushes_; }
  // Which iteration this is; wraps around.
  std::uint32_t Turn() const { return turn_; }
  const Clock& TimeSource() const { return clock_; }
  // No pause before a wait is longer; 0: there are none.
  void SetPauseMax(std::uint32_t us) { moderation_.SetPauseMax(us); }

  // A buffer that a read may use until its bytes are handled; one for all connections of the loop.
  static constexpr std::size_t kReadBufferBytes = 64 * 1024;
  char* ReadBuffer() { return read_buffer_.get(); }

 private:
  friend class Connection;
  // Who was read a moment ago, and who was not. A crowd that wakes up at once has to share a time
  // of its own, so that it does not keep those waiting who are busy all along.
  enum Warmth : std::uint8_t { kWarm, kCold };
  // Whether the connection is to be read now. If not, PostponeReading().
  bool MayRead(Warmth warmth);
  // Reads it in a later iteration, in the order of these calls. It is not read otherwise meanwhile.
  void PostponeReading(Warmth warmth, void* socket) { unread_[warmth].push_back(socket); }
  void ReadPostponed();
  void MarkForFlush(Connection& connection, FlushStage stage);
  void Unmark(Connection& connection);
  void RunDeferred();
  void RunEnds();
  void BeginTurn();
  bool RunDeferredAndFlush();
  void AdjustSlice();
  void FlushSome(FlushStage stage);
  // For the pauses: a client is read, and all that there is for it has been sent.
  void NoteRead(Connection& connection);
  void NoteAnswered(Connection& connection);
  // Before a wait. Not while there is something to read already.
  void PauseIfWorthIt();
  void RunNextTurn();
  void RunPosted();

  const Clock& clock_;
  uv_loop_t loop_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_async_t wake_;
  uv_idle_t more_;  // runs while something is left: the poll does not wait
  uv_timer_t held_output_timer_;
  std::unique_ptr<char[]> read_buffer_;
  std::unique_ptr<char[]>
      read_buffer_within_;  // of ServeWithin(): the other one is being looked at
  bool is_serving_within_ = false;
  std::array<std::vector<Connection*>, kFlushStages> marked_;
  std::vector<Connection*> flushing_;
  std::array<std::deque<void*>, 2> unread_;  // by Warmth: Connection::Socket
  std::array<std::unique_ptr<TurnBudget>, 2> reading_;
  std::array<std::unique_ptr<TurnBudget>, kFlushStages> flushing_time_;
  std::unique_ptr<TurnBudget> ending_;
  WakeupModeration moderation_;
  std::vector<std::function<void()>> deferred_;
  std::deque<std::function<void()>> ends_;
  std::vector<std::function<void()>> next_turn_;
  std::deque<std::function<void()>> taken_;  // were posted; it is their turn
  std::uint64_t complete_flushes_ = 0;
  std::uint32_t turn_ = 1;           // never 0
  std::uint32_t read_us_turn_ = 0;   // the iteration whose first read was at read_us_
  std::uint64_t read_us_ = 0;
  std::uint64_t flush_us_ = 0;       // when a stage downstream began to flush last
  std::uint64_t crowded_at_ms_ = 0;  // when a crowd was served last
  bool has_short_slice_ = false;     // its thread
  bool is_stopping_ = false;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
  bool stop_requested_ = false;                // guarded by posted_mutex_
};

// Calls a function once after a time, or again and again. Stops when destroyed.
class Timer {
 public:
  explicit Timer(EventLoop& loop);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Restarts the timer if it was running. `repeat_ms` 0 means once. `task` may destroy the timer.
  void Start(std::uint64_t delay_ms, std::uint64_t repeat_ms, std::function<void()> task);
  void Stop();
  bool IsActive() const;

 private:
  struct Handle;
  Handle* handle_;  // freed in its close callback
};

}  // namespace slotway::runtime
