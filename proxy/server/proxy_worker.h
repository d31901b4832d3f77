// SPDX-License-Identifier: Apache-2.0
// One worker: a loop with its clients and its own connections to the shards.
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
#include "proxy/meters/access_log.h"
#include "proxy/pubsub/pubsub_hub.h"
#include "proxy/routing/dispatcher.h"
#include "proxy/routing/router.h"
#include "proxy/server/address_counts.h"
#include "proxy/server/front_door.h"
#include "proxy/server/intruders.h"
#include "proxy/server/proxy_header_gate.h"
#include "runtime/tls_entrance.h"

namespace slotway::proxy {

// What the workers of a process share. Outlives them.
struct WorkerShare {
  std::size_t worker_count;
  std::vector<RequestPlan> plans;
  std::function<void()> request_refresh;        // any thread
  std::function<ProcessFacts()> process_facts;  // any thread
  std::function<void()> request_commands;       // any thread
  std::atomic<std::uint64_t> next_client_id{1};
  std::atomic<std::uint64_t> clients{0};
  ScriptMemory scripts{0};  // its bound comes with the settings
  AddressCounts addresses{};
  UserBook book{};
  AuditLog audit{};
  AccessLog access{};
  WorkerMeters meters{};  // one per worker, before that is made
};

class ProxyWorker {
 public:
  ProxyWorker(runtime::EventLoop& loop, WorkerShare& share, const config::ProxyConfig& settings,
              Colleagues colleagues);
  ~ProxyWorker();

  // Gives it a client that was accepted at `listener`. Any thread.
  void Assign(runtime::OwnedFd accepted, const FrontDoor::Listener& listener);
  // How many clients it has been given and still has. Any thread.
  std::size_t Load() const { return load_.load(std::memory_order_relaxed); }

  // Loop thread only.
  void TakeSettings(const config::ProxyConfig& settings);
  void TakeTopology(std::shared_ptr<const protocol::Topology> topology);  // shared: immutable
  void TakeLearned(std::shared_ptr<const protocol::LearnedCommands> learned) {  // shared: immutable
    services_.learned = std::move(learned);
  }
  void TakeReplicaFacts(ReplicaFactsSnapshot facts) { dispatcher_.UpdateReplicas(std::move(facts)); }
  // Lets clients go, each in a moment when nothing of it is on its way.
  void BeginDrain();
  // Ends everything. Before the loop stops.
  void Shutdown();

  // Loop thread only.
  WorkerServices& Services() { return services_; }

  // Any thread.
  const SessionCounters& Sessions() const { return counters_; }
  const DispatcherCounters& Dispatch() const { return dispatcher_.Counters(); }
  const PubsubCounters& Pubsub() const { return pubsub_.Counters(); }

 private:
  class TlsVisitor;
  void Accept(runtime::OwnedFd accepted, FrontDoor::Listener listener);
  // Behind the header of the PROXY protocol, if there is one: lets it in, or begins with TLS.
  void Welcome(std::unique_ptr<runtime::Connection> connection, ClientOrigin origin);
  void AddClient(std::unique_ptr<runtime::Connection> connection, ClientOrigin origin);
  void Refuse(std::unique_ptr<runtime::Connection> connection, std::string_view reply);
  void TurnAway(std::unique_ptr<runtime::Connection> connection,
                const config::ListenerConfig& listener, std::string_view reply);
  void Remove(ClientSession& session);
  void ForgetClient();
  void KeepHouse();
  void CutIdle();
  void CutStrangers();
  void CutStranger(std::uint64_t id);
  void BroadcastNews(const PubsubCensus::News& news);
  void KeepBufferBound();
  void LetClientsGo();

  runtime::EventLoop& loop_;
  WorkerShare& share_;
  // Its own copy, which a reload overwrites: those who refer to it see the new values, and nobody
  // may keep a reference to what is in it.
  config::ProxyConfig settings_;
  std::atomic<std::size_t> load_{0};
  SessionCounters counters_;
  Dispatcher dispatcher_;
  Router router_;
  PubsubHub pubsub_;
  WorkerMeter& meter_;
  WorkerServices services_;
  SessionRegistry sessions_;
  Intruders intruders_;
  ProxyHeaderGate gate_;
  runtime::TlsEntrance entrance_;
  runtime::Timer house_timer_;
  runtime::Timer bound_timer_;
  runtime::Timer drain_timer_;
  std::uint64_t drain_began_at_ms_ = 0;
};

}  // namespace slotway::proxy
