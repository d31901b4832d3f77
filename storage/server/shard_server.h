// SPDX-License-Identifier: Apache-2.0
// A shard process: listeners, sessions, databases and the timers that keep them tidy.
//
// Everything runs on the thread of the given loop. Construct, Start(), run the loop; destroy after
// the loop has stopped.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "config/shard_settings.h"
#include "runtime/event_loop.h"
#include "runtime/listener.h"
#include "runtime/result.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/server_state.h"
#include "storage/server/cluster_gateway.h"
#include "storage/server/executor.h"
#include "storage/server/request_batch.h"
#include "storage/server/shard_session.h"

namespace slotway::storage {

class ShardServer {
 public:
  ShardServer(runtime::EventLoop& loop, config::ShardSettings settings);
  ~ShardServer();

  // Binds the addresses, opens the cluster's file, starts the timers.
  runtime::Result<bool> Start();

  ServerState& State() { return state_; }
  Executor& TheExecutor() { return *executor_; }
  RequestBatch& Batch() { return batch_; }
  int Port() const { return state_.listening_port; }

  // Whether this request must wait (CLIENT PAUSE).
  bool HoldsBack(const Request& request) const {
    if (state_.paused_until_ms == 0) [[likely]]
      return false;
    bool concerns = !state_.pauses_writes_only || (request.spec && request.spec->IsWrite());
    return concerns && IsPauseOn();
  }
  // To be called when a request begins to wait: it is ended when its time is up.
  void ArmWaitTimer();
  // Destroys the session; also from inside its connection's callbacks.
  void Remove(ShardSession& session);

 private:
  runtime::Result<bool> ListenOn(const std::string& bind_address);
  void Accept(std::unique_ptr<runtime::Connection> connection);
  bool IsPauseOn() const { return state_.now_ms < state_.paused_until_ms; }
  void ResumeClients();
  void ConnectSettings();
  void ExpireKeys();
  void TickTenTimesASecond();
  void CloseIdleClients();
  void EndDueWaits();
  void RedirectWaiting();

  runtime::EventLoop& loop_;
  ServerState state_;
  HandlerTable handlers_;
  std::unique_ptr<ClusterGateway> cluster_;
  std::unique_ptr<Executor> executor_;
  RequestBatch batch_;
  std::vector<std::unique_ptr<runtime::Listener>> listeners_;
  std::unordered_map<std::uint64_t, std::unique_ptr<ShardSession>> sessions_;
  runtime::Timer expiry_timer_;
  runtime::Timer tick_timer_;
  runtime::Timer wait_timer_;
  std::uint64_t last_tick_ms_ = 0;
};

}  // namespace slotway::storage
