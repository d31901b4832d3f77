// SPDX-License-Identifier: Apache-2.0
#include "runtime/worker_group.h"

#include <future>

namespace slotway::runtime {

WorkerGroup::WorkerGroup(std::size_t workers) {
  for (std::size_t i = 0; i < workers; ++i) {
    workers_.push_back({std::make_unique<EventLoop>(), std::thread()});
  }
}

WorkerGroup::~WorkerGroup() { StopAndJoin(); }

void WorkerGroup::Start(std::function<void(std::size_t)> on_start,
                        std::function<void(std::size_t)> on_stop) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    workers_[i].thread = std::thread([this, i, on_start, on_stop] {
      on_start(i);
      workers_[i].loop->Run();
      on_stop(i);
    });
  }
}

void WorkerGroup::RunOn(std::size_t worker, std::function<void()> task) {
  std::promise<void> done;
  Loop(worker).Post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

void WorkerGroup::StopAndJoin() {
  for (Worker& worker : workers_) {
    if (worker.thread.joinable()) worker.loop->Stop();
  }
  for (Worker& worker : workers_) {
    if (worker.thread.joinable()) worker.thread.join();
  }
}

}  // namespace slotway::runtime
