// SPDX-License-Identifier: Apache-2.0
// The proxy as a whole: workers, topology, admin port, signals' consequences.
//
// Constructed, started and waited for on one thread, whose loop runs what is not per worker: the
// topology refresher and the admin server.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/proxy_config.h"
#include "proxy/backend/topology_refresher.h"
#include "proxy/server/proxy_worker.h"
#include "runtime/event_loop.h"
#include "runtime/result.h"
#include "runtime/worker_group.h"

namespace slotway::proxy {

class AdminEndpoints;

class ProxyServer {
 public:
  explicit ProxyServer(config::ProxyConfig settings);
  ~ProxyServer();

  // Binds every address, then starts the workers. Backends may be down.
  runtime::Result<void> Start();
  // Serves until Stop(); drains, then returns.
  void Run();
  // Any thread, also from a signal's callback on the main loop.
  void Stop();

  // For what runs beside the proxy on its main thread, such as signals.
  runtime::EventLoop& MainLoop() { return main_loop_; }
  // Where clients may connect: valid after Start().
  const std::vector<runtime::SocketAddress>& Addresses() const { return addresses_; }

  // Where the admin port listens; nothing if it is off.
  std::optional<runtime::SocketAddress> AdminAddress() const;

  // Whether every slot can be served now; `reason` says why not.
  bool IsReady(std::string& reason) const;
  ProcessFacts Facts() const;
  const std::vector<std::unique_ptr<ProxyWorker>>& Workers() const { return workers_; }
  const TopologyRefresher& Topology() const { return *refresher_; }

 private:
  runtime::Result<std::vector<runtime::SocketAddress>> ResolveListeners() const;
  void Publish(const TopologyRefresher::Snapshot& snapshot);
  Colleagues ColleaguesOf(std::size_t index);
  runtime::Result<void> StartAdmin();
  void BeginDrain();
  void StopWorkers();
  void EndDrain();

  config::ProxyConfig settings_;
  runtime::EventLoop main_loop_;
  std::string run_id_;
  std::uint64_t started_at_ms_ = 0;
  std::unique_ptr<WorkerShare> share_;
  std::unique_ptr<runtime::WorkerGroup> group_;
  std::vector<std::unique_ptr<ProxyWorker>> workers_;
  std::unique_ptr<TopologyRefresher> refresher_;
  std::unique_ptr<AdminEndpoints> admin_;
  std::unique_ptr<runtime::Timer> drain_timer_;
  std::vector<runtime::SocketAddress> addresses_;
  std::atomic<bool> is_refresh_requested_{false};
  bool is_draining_ = false;
};

}  // namespace slotway::proxy
