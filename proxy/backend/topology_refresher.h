// SPDX-License-Identifier: Apache-2.0
// Keeps knowing where the keys are: asks in rounds, publishes what changed.
//
// Rounds run one at a time: regularly, and soon after somebody asks; each a little earlier or
// later than due, so that many proxies do not ask at the same moment. How a round learns is the
// business of the TopologySource. Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "config/proxy_config.h"
#include "protocol/topology.h"
#include "proxy/backend/topology_source.h"
#include "runtime/counter.h"
#include "runtime/event_loop.h"
#include "runtime/random.h"

namespace slotway::proxy {

class TopologyRefresher {
 public:
  // shared: an immutable snapshot that every worker keeps as long as it needs it.
  using Snapshot = std::shared_ptr<const protocol::Topology>;
  // Called after every round that learned something; the snapshot's version tells changes. Whoever
  // corrected his map by a redirect learns so that the correction was wrong or too early.
  using OnRound = std::function<void(Snapshot)>;

  TopologyRefresher(runtime::EventLoop& loop, const config::BackendConfig& settings,
                    OnRound on_round);
  ~TopologyRefresher();

  // Begins the first round.
  void Start();
  // A round will begin, as soon as the minimum distance to the last one allows.
  void RequestSoon();

  const Snapshot& Current() const { return current_; }
  std::uint64_t Rounds() const { return rounds_.Get(); }
  std::uint64_t Changes() const { return changes_.Get(); }
  // Why the last round learned nothing; empty if it did. For the log and readiness.
  const std::string& LastError() const { return last_error_; }

 private:
  void BeginRound();
  void EndRound(runtime::Result<protocol::Topology> learned);
  void Schedule(std::uint64_t delay_ms);

  runtime::EventLoop& loop_;
  const config::BackendConfig& settings_;
  OnRound on_round_;
  std::unique_ptr<TopologySource> source_;
  runtime::Timer next_round_;
  runtime::Random random_;
  Snapshot current_;
  std::uint64_t round_began_ms_ = 0;
  bool is_running_ = false;
  bool is_requested_ = false;
  std::string last_error_;
  runtime::Counter rounds_;
  runtime::Counter changes_;
};

}  // namespace slotway::proxy
