// SPDX-License-Identifier: Apache-2.0
// Asks the backend for the commands that the table does not know (modules), and publishes them.
//
// It asks one node whenever other nodes than before make up the topology, and, not too often, when
// a client named a command that nobody knows. Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "config/backend_config.h"
#include "protocol/learned_commands.h"
#include "protocol/topology.h"
#include "proxy/backend/control_query.h"
#include "runtime/event_loop.h"

namespace slotway::proxy {

class CommandLearner {
 public:
  // shared: an immutable snapshot, published to every worker.
  using Snapshot = std::shared_ptr<const protocol::LearnedCommands>;
  using OnLearned = std::function<void(const Snapshot&)>;

  CommandLearner(runtime::EventLoop& loop, const config::BackendConfig& settings,
                 OnLearned on_learned);

  void UpdateTopology(const protocol::Topology& topology);
  // Somebody asked for an unknown command.
  void RequestSoon();

 private:
  void Schedule(std::uint64_t delay_ms);
  void Ask();
  void Take(const runtime::Result<ControlQuery::Answers>& answers);

  runtime::EventLoop& loop_;
  const config::BackendConfig& settings_;
  OnLearned on_learned_;
  std::vector<runtime::SocketAddress> nodes_;
  std::size_t next_node_ = 0;
  runtime::Timer timer_;
  std::unique_ptr<ControlQuery> query_;
  std::uint64_t asked_at_ms_ = 0;
  bool is_asking_ = false;
  // All that were published: rows are referred to for as long as a request lasts. Few: one per
  // change of what the backend has.
  std::vector<Snapshot> published_;
};

}  // namespace slotway::proxy
