// SPDX-License-Identifier: Apache-2.0
#include "runtime/event_loop.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <poll.h>
#include <utility>

#include "runtime/connection.h"
#include "runtime/short_sleep.h"
#include "runtime/thread_slice.h"
#include "runtime/turn_budget.h"

namespace slotway::runtime {
namespace {

// Where more threads want to run than there are cores, an iteration of these milliseconds takes
// several times as long by the clock. So what crowds get is little, and comes often.
// Posted tasks that took this long together leave the others for the next iteration.
constexpr std::uint64_t kPostedMaxUs = 700;
// The same for what is read, with all that it leads to, and for what is flushed in each stage.
constexpr std::array<std::uint64_t, 2> kReadingMaxUs = {2000, 700};  // by Warmth
constexpr std::array<std::uint64_t, kFlushStages> kFlushingMaxUs = {1500, 1000, 700};
// Among more than so many, those who have little to write go first: so many of them.
constexpr std::size_t kFlushedInOrder = 64;
constexpr std::size_t kLittleOutputBytes = 1024;
constexpr std::size_t kLittleFirst = 256;
constexpr std::uint64_t kEndingMaxUs = 700;
constexpr std::uint32_t kQuestionsPerLook = 8;
// How long a thread has short slices after a crowd has left nothing for the next iteration.
constexpr std::uint64_t kCrowdedMs = 100;

}  // namespace

EventLoop::EventLoop(const Clock& clock)
    : clock_(clock),
      read_buffer_(new char[kReadBufferBytes]),
      ending_(new TurnBudget(*this, kEndingMaxUs, kQuestionsPerLook)) {
  for (std::size_t i = 0; i < reading_.size(); ++i) {
    reading_[i] = std::make_unique<TurnBudget>(*this, kReadingMaxUs[i], kQuestionsPerLook);
  }
  for (std::size_t i = 0; i < kFlushStages; ++i) {
    flushing_time_[i] = std::make_unique<TurnBudget>(*this, kFlushingMaxUs[i], kQuestionsPerLook);
  }
  uv_loop_init(&loop_);
  loop_.data = this;
  // After the poll for what its callbacks produced; before it for what timers produced.
  uv_prepare_init(&loop_, &prepare_);
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
    auto* loop = static_cast<EventLoop*>(handle->loop->data);
    loop->BeginTurn();
    loop->ReadPostponed();
    // The poll belongs to this iteration as well, unless it is going to wait.
    if (loop->RunDeferredAndFlush()) return;
    loop->BeginTurn();
    loop->PauseIfWorthIt();
  });
  uv_check_init(&loop_, &check_);
  uv_check_start(&check_, [](uv_check_t* handle) {
    static_cast<EventLoop*>(handle->loop->data)->RunDeferredAndFlush();
  });
  uv_timer_init(&loop_, &held_output_timer_);
  uv_idle_init(&loop_, &more_);
  uv_async_init(&loop_, &wake_, [](uv_async_t* handle) {
    static_cast<EventLoop*>(handle->loop->data)->RunPosted();
  });
}

EventLoop::~EventLoop() {
  for (auto* handle :
       {reinterpret_cast<uv_handle_t*>(&prepare_), reinterpret_cast<uv_handle_t*>(&check_),
        reinterpret_cast<uv_handle_t*>(&wake_), reinterpret_cast<uv_handle_t*>(&more_),
        reinterpret_cast<uv_handle_t*>(&held_output_timer_)}) {
    uv_close(handle, nullptr);
  }
  // Owners destroyed their handles before; what is left is close callbacks.
  uv_run(&loop_, UV_RUN_DEFAULT);
  for (auto& unread : unread_) {
    for (void* socket : unread) Connection::ReadPostponed(socket);  // only frees it
  }
  [[maybe_unused]] int closed = uv_loop_close(&loop_);
  assert(closed == 0);
}

void EventLoop::Run() {
  uv_run(&loop_, UV_RUN_DEFAULT);
  // The last flush may have asked for more, such as the end of a connection that it found broken.
  while (!deferred_.empty() || !next_turn_.empty() || !ends_.empty()) {
    BeginTurn();
    RunNextTurn();
    RunDeferred();
    RunEnds();
  }
}

void EventLoop::ServeWithin() {
  assert(!is_serving_within_);
  if (!read_buffer_within_) read_buffer_within_.reset(new char[kReadBufferBytes]);
  std::swap(read_buffer_, read_buffer_within_);
  is_serving_within_ = true;
  uv_run(&loop_, UV_RUN_NOWAIT);
  is_serving_within_ = false;
  std::swap(read_buffer_, read_buffer_within_);
}

void EventLoop::Stop() {
  {
    std::lock_guard lock(posted_mutex_);
    stop_requested_ = true;
  }
  uv_async_send(&wake_);
}

void EventLoop::Post(std::function<void()> task) {
  {
    std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(task));
  }
  uv_async_send(&wake_);
}

void EventLoop::DeferToNextTurn(std::function<void()> task) {
  next_turn_.push_back(std::move(task));
  uv_async_send(&wake_);
}

void EventLoop::RunNextTurn() {
  auto tasks = std::exchange(next_turn_, {});
  for (auto& task : tasks) task();
}

void EventLoop::RunPosted() {
  RunNextTurn();
  {
    std::lock_guard lock(posted_mutex_);
    std::move(posted_.begin(), posted_.end(), std::back_inserter(taken_));
    posted_.clear();
    is_stopping_ = is_stopping_ || std::exchange(stop_requested_, false);
  }
  const std::uint64_t began_us = clock_.NowMonotonicUs();
  while (!taken_.empty()) {
    auto task = std::move(taken_.front());
    taken_.pop_front();
    task();
    if (clock_.NowMonotonicUs() - began_us > kPostedMaxUs) break;
  }
  if (!taken_.empty()) {
    uv_async_send(&wake_);
  } else if (is_stopping_ && is_serving_within_) {
    uv_async_send(&wake_);  // it is Run() that has to end
  } else if (std::exchange(is_stopping_, false)) {
    uv_stop(&loop_);
  }
}

void EventLoop::MarkForFlush(Connection& connection, FlushStage stage) {
  if (stage == FlushStage::kDownstream && connection.IsSilent()) stage = FlushStage::kSilent;
  marked_[static_cast<std::size_t>(stage)].push_back(&connection);
}

void EventLoop::Unmark(Connection& connection) {
  auto forget = [&](std::vector<Connection*>& list) {
    std::replace(list.begin(), list.end(), &connection, static_cast<Connection*>(nullptr));
  };
  for (auto& marked : marked_) forget(marked);
  forget(flushing_);
}

void EventLoop::RunDeferred() {
  while (!deferred_.empty()) {
    auto tasks = std::exchange(deferred_, {});
    for (auto& task : tasks) task();
  }
}

void EventLoop::RunEnds() {
  while (!ends_.empty() && !ending_->IsOver()) {
    auto task = std::move(ends_.front());
    ends_.pop_front();
    task();
  }
  RunDeferred();
}

// While more than one iteration's share is left of what crowds want.
void EventLoop::AdjustSlice() {
  const std::size_t silent = static_cast<std::size_t>(FlushStage::kSilent);
  const bool is_crowded = !unread_[kCold].empty() || !marked_[silent].empty() || !ends_.empty();
  if (is_crowded) crowded_at_ms_ = NowMs();
  if (is_crowded == has_short_slice_) return;
  if (!is_crowded && NowMs() - crowded_at_ms_ < kCrowdedMs) return;
  has_short_slice_ = is_crowded;
  SetThreadSlice(is_crowded ? ThreadSlice::kShort : ThreadSlice::kUsual);
}

void EventLoop::NoteRead(Connection& connection) {
  if (read_us_turn_ != turn_) {
    read_us_turn_ = turn_;
    read_us_ = clock_.NowMonotonicUs();
    moderation_.EndWait(read_us_);
  }
  if (connection.stage_ == FlushStage::kUpstream) return;
  moderation_.NoteRead(connection.asked_us_, read_us_);
}

void EventLoop::NoteAnswered(Connection& connection) {
  if (connection.stage_ == FlushStage::kUpstream) return;
  moderation_.NoteAnswered(connection.asked_us_, flush_us_);
}

void EventLoop::PauseIfWorthIt() {
  const std::uint32_t pause_us = moderation_.PauseUs(clock_.NowMonotonicUs());
  if (pause_us == 0) [[likely]] return;
  // Zero: the poll is not going to wait, for there is something to close, or the loop ends.
  if (is_serving_within_ || uv_backend_timeout(&loop_) == 0) return;
  if (moderation_.GoesOn()) {
    pollfd ready{uv_backend_fd(&loop_), POLLIN, 0};
    if (poll(&ready, 1, 0) != 0) return;
  }
  ShortSleep(pause_us);
}

void EventLoop::BeginTurn() {
  if (++turn_ == 0) ++turn_;
}

bool EventLoop::MayRead(Warmth warmth) {
  return unread_[warmth].empty() && !reading_[warmth]->IsOver();
}

void EventLoop::ReadPostponed() {
  for (std::size_t warmth : {kWarm, kCold}) {
    auto& unread = unread_[warmth];
    while (!unread.empty() && !reading_[warmth]->IsOver()) {
      void* socket = unread.front();
      unread.pop_front();
      Connection::ReadPostponed(socket);
    }
  }
}

// Who is not reached has its turn first in the next iteration.
void EventLoop::FlushSome(FlushStage stage) {
  auto& marked = marked_[static_cast<std::size_t>(stage)];
  TurnBudget& time = *flushing_time_[static_cast<std::size_t>(stage)];
  if (marked.empty()) return;
  if (stage != FlushStage::kUpstream) flush_us_ = clock_.NowMonotonicUs();
  flushing_.swap(marked);
  const std::size_t bytes_each = Connection::FlushBytesOfEach(flushing_.size());
  // Flushing one connection may destroy another: that one is nulled by Unmark().
  auto flush = [&](Connection*& place) {
    Connection* connection = std::exchange(place, nullptr);
    if (connection != nullptr) connection->FlushMarked(bytes_each);
  };
  std::size_t little = flushing_.size() > kFlushedInOrder ? kLittleFirst : 0;
  for (std::size_t i = 0; i < flushing_.size() && little > 0; ++i) {
    if (flushing_[i] == nullptr || flushing_[i]->UnwrittenBytes() > kLittleOutputBytes) continue;
    if (time.IsOver()) break;
    flush(flushing_[i]);
    --little;
  }
  std::size_t done = 0;
  for (; done < flushing_.size() && !time.IsOver(); ++done) flush(flushing_[done]);
  flushing_.erase(flushing_.begin(), flushing_.begin() + static_cast<std::ptrdiff_t>(done));
  std::erase(flushing_, nullptr);
  marked.insert(marked.begin(), flushing_.begin(), flushing_.end());
  flushing_.clear();
}

// Tells whether something is left for the next iteration.
bool EventLoop::RunDeferredAndFlush() {
  RunDeferred();
  RunEnds();
  FlushSome(FlushStage::kUpstream);
  FlushSome(FlushStage::kDownstream);
  FlushSome(FlushStage::kSilent);
  AdjustSlice();
  std::size_t marked = 0, held = 0;
  for (const auto& list : marked_) {
    for (const Connection* connection : list) {
      ++marked;
      if (connection != nullptr && connection->holds_output_) ++held;
    }
  }
  if (marked == held) ++complete_flushes_;
  // What a flush asked for must not wait until the poll that may follow hears something.
  bool has_more = !deferred_.empty() || !ends_.empty() || !unread_[kWarm].empty() ||
                  !unread_[kCold].empty() || marked > held;
  if (has_more) {
    uv_idle_start(&more_, [](uv_idle_t*) {});
  } else {
    uv_idle_stop(&more_);
  }
  if (held > 0 && !uv_is_active(reinterpret_cast<uv_handle_t*>(&held_output_timer_))) {
    uv_timer_start(
        &held_output_timer_, [](uv_timer_t*) {}, 1, 0);
  }
  return has_more;
}

struct Timer::Handle {
  uv_timer_t timer;
  std::function<void()> task;
};

Timer::Timer(EventLoop& loop) : handle_(new Handle) {
  uv_timer_init(loop.Uv(), &handle_->timer);
  handle_->timer.data = handle_;
}

Timer::~Timer() {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->timer),
           [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
}

void Timer::Start(std::uint64_t delay_ms, std::uint64_t repeat_ms, std::function<void()> task) {
  handle_->task = std::move(task);
  uv_timer_start(
      &handle_->timer,
      [](uv_timer_t* timer) {
        // A copy: the task may restart or destroy its timer.
        auto task_now = reinterpret_cast<Handle*>(timer)->task;
        task_now();
      },
      delay_ms, repeat_ms);
}

void Timer::Stop() { uv_timer_stop(&handle_->timer); }

bool Timer::IsActive() const {
  return uv_is_active(reinterpret_cast<const uv_handle_t*>(&handle_->timer)) != 0;
}

}  // namespace slotway::runtime
