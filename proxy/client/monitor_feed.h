// SPDX-License-Identifier: Apache-2.0
// MONITOR: the requests that all workers take, as lines for the clients that asked to see them.
//
// While anybody monitors, every session of every worker has the way kIsWatched; without, a request
// pays nothing. A worker gathers the lines of one iteration of its loop, then passes them on to the
// workers where monitors are. Bounded: lines that a worker is too slow to take are dropped, and its
// monitors cut. Each worker has its own feed, which belongs to its thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slotway::proxy {

class ClientSession;
struct Request;
struct WorkerServices;

class MonitorFeed {
 public:
  // On each worker: one more, or one less, monitors on `worker`.
  static void CountMonitor(WorkerServices& services, std::size_t worker, bool is_more);
  // On the worker of a client that monitors from now on, or no longer.
  void Add(std::uint64_t client) { own_.push_back(client); }
  static void Leave(WorkerServices& services, std::uint64_t client);

  // As this worker knows it, which may lag behind.
  std::size_t MonitorsOfAllWorkers() const;
  // Shows the request, which has been taken, unless it is an administrator's.
  static void Show(WorkerServices& services, const ClientSession& session, const Request& request);

 private:
  using Lines = std::shared_ptr<const std::string>;  // shared: by all workers with monitors

  static void PassOn(WorkerServices& services);
  static void Deliver(WorkerServices& services, std::string_view lines, bool is_overrun);

  // What one worker has been sent by this one.
  struct Listener {
    std::size_t monitors = 0;
    // shared: with tasks that may run after this worker has ended.
    std::shared_ptr<std::atomic<std::size_t>> bytes_on_their_way;
    bool is_overrun = false;
  };
  Listener& ListenerAt(std::size_t worker);

  std::vector<std::uint64_t> own_;     // ids of this worker's monitors
  std::vector<Listener> listeners_;    // by worker
  std::string lines_;                  // of this iteration
  bool is_overrun_ = false;            // more than may be kept
};

}  // namespace slotway::proxy
