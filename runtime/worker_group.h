// SPDX-License-Identifier: Apache-2.0
// Threads that run an event loop each.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/event_loop.h"

namespace slotway::runtime {

class WorkerGroup {
 public:
  explicit WorkerGroup(std::size_t workers);
  // Stops and joins what still runs.
  ~WorkerGroup();

  std::size_t Size() const { return workers_.size(); }
  EventLoop& Loop(std::size_t worker) { return *workers_[worker].loop; }

  // Starts every thread; on_start(i) runs on thread i before its loop, on_stop(i) after it.
  void Start(std::function<void(std::size_t)> on_start, std::function<void(std::size_t)> on_stop);
  // Runs `task` on worker `i`'s thread and waits for it. Not from a worker's thread.
  void RunOn(std::size_t worker, std::function<void()> task);
  void StopAndJoin();

 private:
  struct Worker {
    std::unique_ptr<EventLoop> loop;
    std::thread thread;
  };
  std::vector<Worker> workers_;
};

}  // namespace slotway::runtime
