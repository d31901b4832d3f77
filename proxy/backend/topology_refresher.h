// SPDX-License-Identifier: Apache-2.0
// Keeps knowing who owns which slot: asks several nodes, joins what they say, publishes changes.
//
// A round asks a few nodes at once; claims with the highest config epoch win, so that a minority
// cannot turn the map back. When nobody answers, the seeds are asked, their names resolved anew.
// Rounds run one at a time: regularly, and soon after somebody asks. Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/topology.h"
#include "proxy/backend/control_query.h"
#include "runtime/counter.h"
#include "runtime/event_loop.h"

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
  std::vector<protocol::Endpoint> ChooseNodes();
  void Ask(const protocol::Endpoint& node);
  void AskAddress(const runtime::SocketAddress& address);
  void TakeAnswer(const runtime::SocketAddress& from, runtime::Result<protocol::RespValue> answer);
  void NoteFailure(const std::string& error);
  void OneFewerPending();
  void EndRound();
  void Schedule(std::uint64_t delay_ms);

  runtime::EventLoop& loop_;
  const config::BackendConfig& settings_;
  OnRound on_round_;
  runtime::Timer next_round_;
  runtime::Timer patience_;  // ends a round that has some answers
  Snapshot current_;
  std::list<std::unique_ptr<ControlQuery>> queries_;
  std::vector<protocol::Topology> views_;
  std::size_t pending_ = 0;
  std::size_t rotation_ = 0;
  std::uint64_t round_began_ms_ = 0;
  bool is_running_ = false;
  bool is_requested_ = false;
  bool must_ask_seeds_ = true;
  std::string last_error_;
  std::string round_error_;
  runtime::Counter rounds_;
  runtime::Counter changes_;
  // shared: answers of a name server may come after this object.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace slotway::proxy
