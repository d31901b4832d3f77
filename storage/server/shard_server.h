// SPDX-License-Identifier: Apache-2.0
// A shard process: listeners, sessions, databases and the timers that keep them tidy.
//
// Everything runs on the thread of the given loop. Construct, Start(), run the loop; destroy after
// the loop has stopped.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/shard_settings.h"
#include "runtime/event_loop.h"
#include "runtime/result.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/server_state.h"
#include "storage/replication/replication_service.h"
#include "storage/scripting/script_engine.h"
#include "storage/server/client_evictor.h"
#include "storage/server/cluster_gateway.h"
#include "storage/server/compactor.h"
#include "storage/server/executor.h"
#include "storage/server/persistence_service.h"
#include "storage/server/request_batch.h"
#include "storage/server/shard_admin.h"
#include "storage/server/shard_listeners.h"
#include "storage/server/shard_session.h"
#include "storage/server/shutdown.h"

namespace slotway::storage {

class ShardServer {
 public:
  ShardServer(runtime::EventLoop& loop, config::ShardSettings settings);
  ~ShardServer();

  // Binds the addresses, opens the cluster's file, starts the timers and begins to load the data.
  runtime::Result<bool> Start();
  // Called within Start(), when clients can come and before data is loaded.
  void OnListening(std::function<void()> callback) { on_listening_ = std::move(callback); }
  // What SIGTERM and SIGINT ask for. A SIGINT while the end is waited for: at once, unsaved.
  void ShutDownBySignal(int signal);
  // Whether the loop was stopped because the data could not be loaded.
  bool HasFailed() const { return has_failed_; }

  ServerState& State() { return state_; }
  ReplicationService& Replication() { return replication_; }
  Executor& TheExecutor() { return *executor_; }
  ClientEvictor& ClientEviction() { return client_evictor_; }
  // Requests are run from one batch; those of others in the middle of a script from another.
  RequestBatch& Batch() { return IsBusy() ? batch_when_busy_ : batch_; }
  int Port() const { return state_.listening_port; }

  // Whether this request must wait (CLIENT PAUSE).
  bool HoldsBack(const ClientState& client, const Request& request) const {
    if (state_.paused_until_ms == 0 && !state_.holds_slots) [[likely]]
      return false;
    if (state_.holds_slots && HoldsSlotOf(client, request)) return true;
    return IsPauseOn() && WouldRun(client, request) &&
           (!state_.pauses_writes_only || MayWrite(client, request));
  }
  // To be called before requests are run. A master of a cluster may have lost the right to serve.
  void CheckLease() {
    if (cluster_) cluster_->CheckLease();
  }
  // Until when a write that ran now may be confirmed, as BootTimeMs().
  std::int64_t ConfirmsUntilMs() const {
    return cluster_ ? cluster_->LeaseEndsMs() : std::numeric_limits<std::int64_t>::max();
  }
  // Whether a lease that is over may be somebody else's by now.
  bool MayBeReplaced() const { return cluster_ && cluster_->MayBeReplaced(); }
  // REQUIRES: the client has such news.
  ClusterGateway::News ShardNewsOf(const ClientState& client) {
    return cluster_->ShardNewsOf(client);
  }
  // To be called when a request begins to wait: it is ended when its time is up.
  void ArmWaitTimer();
  // Destroys the session; also from inside its connection's callbacks.
  void Remove(ShardSession& session);

 private:
  void LogStart() const;
  std::string WhyNotReady() const;
  void ApplyOfStream(ClientState& master, std::span<const std::string_view> args);
  void LookAtAnswer(std::span<const std::string_view> args);
  void Accept(std::unique_ptr<runtime::Connection> connection);
  // Whether it is more than an error.
  static bool WouldRun(const ClientState& client, const Request& request) {
    return request.spec != nullptr && request.spec->ArityFits(request.args.size()) &&
           client.is_authenticated;
  }
  // Itself, as a script, or as EXEC of what does.
  bool MayWrite(const ClientState& client, const Request& request) const;
  // Whether it may touch a slot that is being handed over to another node.
  bool HoldsSlotOf(const ClientState& client, const Request& request) const;
  bool IsPauseOn() const { return state_.now_ms < state_.paused_until_ms; }
  void ResumeClients();
  void LetClientsGoOn();
  void ConnectMemory();
  void ConnectPause();
  void ConnectSettings();
  void ConnectPersistence();
  void OnLoaded(const std::optional<std::string>& error);
  void Stop();
  void ExpireKeys();
  void GoOnEvicting();
  void TickTenTimesASecond();
  void LookAtSomeClients();
  void EndDueWaits();
  void RedirectWaiting();
  // Whether a script runs for too long. Then nothing happens to data but by it.
  bool IsBusy() const { return !state_.busy_error.empty(); }
  void ServeWhileBusy();
  // Ends a session, but not while its script runs.
  void Close(std::uint64_t client_id);

  std::function<void()> on_listening_;
  runtime::EventLoop& loop_;
  ServerState state_;
  HandlerTable handlers_;
  ScriptEngine scripts_;
  PersistenceService persistence_;
  ReplicationService replication_;
  runtime::ByteQueue master_output_;  // nobody hears it
  std::int64_t divergences_second_ = 0;
  int divergences_logged_ = 0;  // in it
  std::unique_ptr<ClusterGateway> cluster_;
  std::unique_ptr<Executor> executor_;
  Shutdown shutdown_;
  ClientEvictor client_evictor_;
  Compactor compactor_;
  RequestBatch batch_;
  RequestBatch batch_when_busy_;
  ShardListeners listeners_;
  std::unique_ptr<ShardAdmin> admin_;  // nullptr: off
  std::unordered_map<std::uint64_t, std::unique_ptr<ShardSession>> sessions_;
  std::uint64_t last_seen_client_id_ = 0;  // see LookAtSomeClients
  runtime::Timer expiry_timer_;
  runtime::Timer tick_timer_;
  runtime::Timer wait_timer_;
  std::uint64_t last_tick_ms_ = 0;
  std::uint32_t tick_count_ = 0;
  bool goes_on_expiring_ = false;  // in the next turn
  bool has_failed_ = false;
};

}  // namespace slotway::storage
