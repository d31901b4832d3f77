// SPDX-License-Identifier: Apache-2.0
// One worker: a loop with its listeners, its clients and its own connections to the shards.
//
// Nothing mutable is shared between workers but counters that others read. Constructed before its
// loop runs; afterwards everything happens on the loop's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "proxy/client/client_session.h"
#include "proxy/client/session_registry.h"
#include "proxy/client/worker_services.h"
#include "proxy/routing/dispatcher.h"
#include "proxy/routing/router.h"
#include "runtime/listener.h"

namespace slotway::proxy {

// What the workers of a process share. Outlives them.
struct WorkerShare {
  const config::ProxyConfig& settings;
  std::size_t worker_count;
  std::vector<RequestPlan> plans;
  std::function<void()> request_refresh;        // any thread
  std::function<ProcessFacts()> process_facts;  // any thread
  std::atomic<std::uint64_t> next_client_id{1};
  std::atomic<std::uint64_t> clients{0};
  ScriptMemory scripts{settings.routing.script_memory_bytes_max};
};

class ProxyWorker {
 public:
  ProxyWorker(runtime::EventLoop& loop, WorkerShare& share, Colleagues colleagues);
  ~ProxyWorker();

  // Opens the configured listeners; port 0 takes a free one.
  runtime::Result<std::vector<runtime::SocketAddress>> Listen(
      const std::vector<runtime::SocketAddress>& addresses);

  // Loop thread only.
  void TakeTopology(std::shared_ptr<const protocol::Topology> topology);  // shared: immutable
  // Accepts nobody any more; closes every client once it is answered.
  void BeginDrain();
  bool IsDrained() const { return sessions_.Empty(); }
  // Ends everything. Before the loop stops.
  void Shutdown();

  // Loop thread only.
  WorkerServices& Services() { return services_; }

  // Any thread.
  const SessionCounters& Sessions() const { return counters_; }
  const DispatcherCounters& Dispatch() const { return dispatcher_.Counters(); }

 private:
  void Accept(std::unique_ptr<runtime::Connection> connection);
  void Remove(ClientSession& session);
  void KeepHouse();
  void CutIdle();
  void KeepBufferBound();

  runtime::EventLoop& loop_;
  WorkerShare& share_;
  SessionCounters counters_;
  Dispatcher dispatcher_;
  Router router_;
  SessionRegistry sessions_;
  WorkerServices services_;
  std::vector<std::unique_ptr<runtime::Listener>> listeners_;
  runtime::Timer house_timer_;
  runtime::Timer bound_timer_;
};

}  // namespace slotway::proxy
