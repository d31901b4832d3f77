// SPDX-License-Identifier: Apache-2.0
#include "runtime/event_loop.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "runtime/clock.h"
#include "runtime/connection.h"

namespace slotway::runtime {
namespace {

// Posted tasks that took this long together leave the others for the next iteration.
constexpr std::uint64_t kPostedMaxUs = 2000;

}  // namespace

EventLoop::EventLoop() : read_buffer_(new char[kReadBufferBytes]) {
  uv_loop_init(&loop_);
  loop_.data = this;
  auto run_stage = [](auto* handle) {
    static_cast<EventLoop*>(handle->loop->data)->RunDeferredAndFlush();
  };
  // After the poll for what its callbacks produced; before it for what timers produced.
  uv_prepare_init(&loop_, &prepare_);
  uv_prepare_start(&prepare_, run_stage);
  uv_check_init(&loop_, &check_);
  uv_check_start(&check_, run_stage);
  uv_timer_init(&loop_, &held_output_timer_);
  uv_async_init(&loop_, &wake_, [](uv_async_t* handle) {
    static_cast<EventLoop*>(handle->loop->data)->RunPosted();
  });
}

EventLoop::~EventLoop() {
  for (auto* handle :
       {reinterpret_cast<uv_handle_t*>(&prepare_), reinterpret_cast<uv_handle_t*>(&check_),
        reinterpret_cast<uv_handle_t*>(&wake_),
        reinterpret_cast<uv_handle_t*>(&held_output_timer_)}) {
    uv_close(handle, nullptr);
  }
  // Owners destroyed their handles before; what is left is close callbacks.
  uv_run(&loop_, UV_RUN_DEFAULT);
  [[maybe_unused]] int closed = uv_loop_close(&loop_);
  assert(closed == 0);
}

void EventLoop::Run() {
  uv_run(&loop_, UV_RUN_DEFAULT);
  // The last flush may have asked for more, such as the end of a connection that it found broken.
  while (!deferred_.empty() || !next_turn_.empty()) {
    RunNextTurn();
    RunDeferred();
  }
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
  const std::uint64_t began_us = MonotonicUs();
  while (!taken_.empty()) {
    auto task = std::move(taken_.front());
    taken_.pop_front();
    task();
    if (MonotonicUs() - began_us > kPostedMaxUs) break;
  }
  if (!taken_.empty()) {
    uv_async_send(&wake_);
  } else if (std::exchange(is_stopping_, false)) {
    uv_stop(&loop_);
  }
}

void EventLoop::MarkForFlush(Connection& connection, FlushStage stage) {
  marked_[static_cast<std::size_t>(stage)].push_back(&connection);
}

void EventLoop::Unmark(Connection& connection, FlushStage stage) {
  for (auto* list : {&marked_[static_cast<std::size_t>(stage)], &flushing_}) {
    std::replace(list->begin(), list->end(), &connection, static_cast<Connection*>(nullptr));
  }
}

void EventLoop::RunDeferred() {
  while (!deferred_.empty()) {
    auto tasks = std::exchange(deferred_, {});
    for (auto& task : tasks) task();
  }
}

void EventLoop::RunDeferredAndFlush() {
  ++turn_;
  RunDeferred();
  std::size_t held = 0;
  for (auto& list : marked_) {
    if (list.empty()) continue;
    flushing_.swap(list);
    for (std::size_t i = 0; i < flushing_.size(); ++i) {
      // Flushing one connection may destroy another: that one is nulled by Unmark().
      if (flushing_[i] != nullptr && !flushing_[i]->FlushMarked()) ++held;
    }
    flushing_.clear();
  }
  // What a flush asked for must not wait until the poll that may follow hears something.
  bool has_more = !deferred_.empty() || marked_[0].size() + marked_[1].size() > held;
  if (has_more) uv_async_send(&wake_);
  if (held > 0 && !uv_is_active(reinterpret_cast<uv_handle_t*>(&held_output_timer_))) {
    uv_timer_start(
        &held_output_timer_, [](uv_timer_t*) {}, 1, 0);
  }
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
