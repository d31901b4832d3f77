// SPDX-License-Identifier: Apache-2.0
// The proxy as a whole: workers, topology, admin port, signals' consequences.
//
// Constructed, started and waited for on one thread, whose loop runs what is not per worker: the
// listeners, the topology refresher and the admin server.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/proxy_config.h"
#include "proxy/backend/command_learner.h"
#include "proxy/backend/record_store.h"
#include "proxy/backend/replica_monitor.h"
#include "proxy/backend/topology_refresher.h"
#include "proxy/console/console_sources.h"
#include "proxy/server/cluster_chronicle.h"
#include "proxy/server/front_door.h"
#include "proxy/server/proxy_worker.h"
#include "proxy/server/settings_change.h"
#include "runtime/counter.h"
#include "runtime/event_loop.h"
#include "runtime/file_marks.h"
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
  // Any thread, also from a signal's callback on the main loop. The second call skips what is left
  // of settings' shutdown_grace_ms.
  void Stop();
  // Puts new settings in place of the old ones, as far as that can be done while it runs. An error
  // means that nothing has changed; otherwise every worker has them. Main loop's thread, while the
  // workers run.
  runtime::Result<SettingsChange> Reload(const config::ProxyConfig& fresh);
  // The new settings could not even be read. Main loop's thread.
  void NoteReloadRefused(std::string_view error);

  // For what runs beside the proxy on its main thread, such as signals.
  runtime::EventLoop& MainLoop() { return main_loop_; }
  // Where clients may connect: valid after Start().
  std::vector<runtime::SocketAddress> Addresses() const { return front_door_.Addresses(); }

  // Where the admin port listens; nothing if it is off.
  std::optional<runtime::SocketAddress> AdminAddress() const;

  // Whether every slot can be served now; `reason` says why not.
  bool IsReady(std::string& reason) const;
  ProcessFacts Facts() const;
  const std::vector<std::unique_ptr<ProxyWorker>>& Workers() const { return workers_; }
  const WorkerMeters& Meters() const { return share_->meters; }
  const TopologyRefresher& Topology() const { return *refresher_; }
  const runtime::Counter& Reloads() const { return reloads_; }
  // Main loop's thread.
  const config::ProxyConfig& Settings() const { return settings_; }
  const ReplicaMonitor& Replicas() const { return *monitor_; }
  const ClusterChronicle& Chronicle() const { return chronicle_; }
  bool IsLastReloadGood() const { return is_last_reload_good_; }
  // What the console may look at; everything in it lives as long as this.
  ConsoleSources SourcesOfConsole();

 private:
  void Seat(runtime::OwnedFd accepted, const FrontDoor::Listener& listener);
  runtime::Result<SettingsChange> TakeSettings(const config::ProxyConfig& fresh);
  runtime::Result<void> TryOut(const config::ProxyConfig& effective);
  // Takes over what files hold that have changed.
  void LookAtFiles();
  void RenewTls();
  void RenewPasswords();
  void EndFormerPasswords();
  void AskBackendAnew(const SettingsChange& change);
  void Publish(const TopologyRefresher::Snapshot& snapshot);
  void KeepUsers();
  void TakeUsersText(const std::string& text);
  void OnEachWorker(const std::function<void(ProxyWorker&)>& task);
  // The audit file, the access log, and what each worker measures.
  runtime::Result<void> OpenRecords();
  Colleagues ColleaguesOf(std::size_t index);
  runtime::Result<void> StartAdmin();
  void BeginShutdown();
  void BeginDrain();
  void StopWorkers();
  void EndDrain();

  config::ProxyConfig settings_;  // a reload overwrites it: see ProxyWorker
  runtime::EventLoop main_loop_;
  FrontDoor front_door_;
  std::string run_id_;
  std::uint64_t started_at_ms_ = 0;
  std::unique_ptr<WorkerShare> share_;
  std::unique_ptr<runtime::WorkerGroup> group_;
  std::vector<std::unique_ptr<ProxyWorker>> workers_;
  std::unique_ptr<TopologyRefresher> refresher_;
  std::unique_ptr<CommandLearner> learner_;
  std::unique_ptr<ReplicaMonitor> monitor_;
  RecentEvents cluster_events_;
  RecentEvents audit_events_;
  ClusterChronicle chronicle_;
  std::unique_ptr<RecordStore> users_store_;
  std::unique_ptr<AdminEndpoints> admin_;
  runtime::Timer drain_timer_;
  runtime::Timer files_timer_;
  runtime::FileMarks tls_files_;
  runtime::FileMarks password_files_;
  // Of backend and backend.sentinel. 0: as long as the settings say it.
  std::uint64_t former_password_until_ms_ = 0;
  std::uint64_t former_sentinel_password_until_ms_ = 0;
  runtime::Counter reloads_;
  std::atomic<bool> is_refresh_requested_{false};
  std::atomic<bool> are_commands_requested_{false};
  bool is_shutting_down_ = false;
  bool is_draining_ = false;
  bool are_users_known_ = false;
  bool is_last_reload_good_ = true;
};

}  // namespace slotway::proxy
