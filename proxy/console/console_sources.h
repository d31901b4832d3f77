// SPDX-License-Identifier: Apache-2.0
// What the console may look at, and how it asks the workers. All of it on the main loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/proxy_config.h"
#include "proxy/backend/replica_monitor.h"
#include "proxy/backend/topology_refresher.h"
#include "proxy/client/recent_events.h"
#include "proxy/client/worker_services.h"
#include "runtime/event_loop.h"

namespace slotway::proxy {

// Sums over the workers, since the start, for rates.
struct ConsoleCounts {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;  // error replies to clients
  std::uint64_t redirects = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t lost_writes = 0;
  std::uint64_t held_now = 0;
  std::uint64_t unready_masters = 0;
  // Of requests that shards answered: bucket i counts those of up to 2^i microseconds.
  std::vector<std::uint64_t> latencies = {};
};

struct ConsoleSlowRequest {
  std::int64_t at_ms = 0;  // Unix time of its end
  std::uint64_t took_us = 0;
  std::uint64_t in_proxy_us = 0;  // of that
  std::vector<std::string> args;  // shortened, without secrets
  std::string client;             // address, perhaps with a name
  std::string node;
};

struct ConsoleHotKey {
  std::string key;                 // its beginning
  double requests_per_second = 0;  // about
  double share = 0;                // of all requests that have keys
};

struct ConsoleSources {
  runtime::EventLoop& loop;
  const config::ProxyConfig& settings;
  UserBook& book;
  AuditLog& audit;
  RecentEvents& cluster_events;
  RecentEvents& audit_events;
  std::function<TopologyRefresher::Snapshot()> topology;  // may be nullptr
  std::function<std::vector<ReplicaMonitor::Standing>()> standings;
  std::function<ProcessFacts()> facts;
  std::function<ConsoleCounts()> counts;
  std::function<bool(std::string& reason)> is_ready;
  std::function<std::vector<ConsoleSlowRequest>(std::size_t count)> slow_requests;  // newest first
  std::function<std::vector<ConsoleHotKey>(std::size_t count)> hot_keys;            // hottest first
  std::size_t workers = 1;
  // Runs `task` on that worker's thread, soon.
  std::function<void(std::size_t worker, std::function<void(WorkerServices&)> task)> post;
};

// `ask` is called on each worker's thread, `done` on the main loop's with what they said, in their
// order. Not called if the loop ends before.
template <class Said>
void AskWorkers(const ConsoleSources& sources, std::function<Said(WorkerServices&)> ask,
                std::function<void(std::vector<Said>)> done) {
  struct Gathering {
    std::vector<Said> said;
    std::size_t left;
    std::function<void(std::vector<Said>)> done;
  };
  // shared: the tasks of all workers refer to it; only the main loop's thread looks into it.
  auto gathering = std::make_shared<Gathering>();
  gathering->said.resize(sources.workers);
  gathering->left = sources.workers;
  gathering->done = std::move(done);
  for (std::size_t worker = 0; worker < sources.workers; ++worker) {
    sources.post(worker, [worker, gathering, ask, &loop = sources.loop](WorkerServices& there) {
      loop.Post([worker, gathering, said = ask(there)]() mutable {
        gathering->said[worker] = std::move(said);
        if (--gathering->left == 0) gathering->done(std::move(gathering->said));
      });
    });
  }
}

}  // namespace slotway::proxy
