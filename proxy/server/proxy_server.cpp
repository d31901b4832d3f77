// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/proxy_server.h"

#include <algorithm>
#include <latch>
#include <thread>
#include <utility>

#include "proxy/client/user_rights.h"
#include "proxy/operations/compositions.h"
#include "proxy/server/admin_endpoints.h"
#include "proxy/server/console_view.h"
#include "runtime/clock.h"
#include "runtime/file_limit.h"
#include "runtime/log.h"
#include "runtime/random.h"
#include "runtime/resolver.h"

namespace slotway::proxy {
namespace {

constexpr std::uint64_t kDrainTickMs = 20;
constexpr std::uint64_t kFilesTickMs = 1000;

std::size_t WorkerCount(std::uint32_t configured) {
  if (configured > 0) return configured;
  return std::max(1u, std::thread::hardware_concurrency());
}

// Clients, private connections and a reserve for what else a process opens.
void WarnOfTooFewFiles(const config::LimitsConfig& limits) {
  constexpr std::uint64_t kReserve = 1024;
  std::uint64_t wanted = limits.clients_max + limits.private_connections_max + kReserve;
  std::uint64_t granted = runtime::RaiseFileLimit(wanted);
  if (granted >= wanted) return;
  runtime::LogWarning(
      "the system allows {} open files: too few for limits.clients_max and "
      "limits.private_connections_max, which need {}",
      granted, wanted);
}

// A password that is replaced is tried for a while yet. What a file's second line says counts as
// long as it is there; otherwise `until_ms` is the end, 0: there is none.
template <class Login>
void KeepFormer(const Login& now, const Login& fresh, std::uint32_t window_ms, Login& effective,
                std::uint64_t& until_ms) {
  const bool is_new = fresh.password != now.password;
  if (!fresh.previous_password.empty() || (!is_new && until_ms == 0)) {
    effective.previous_password = fresh.previous_password;
    until_ms = 0;
  } else if (is_new && window_ms == 0) {
    effective.previous_password.clear();
    until_ms = 0;
  } else if (is_new) {
    effective.previous_password = now.password;
    until_ms = runtime::MonotonicMs() + window_ms;
  }
}

// Whether its time is over now.
template <class Login>
bool EndFormer(std::uint64_t now_ms, Login& login, std::uint64_t& until_ms) {
  if (until_ms == 0 || now_ms < until_ms) return false;
  login.previous_password.clear();
  until_ms = 0;
  return true;
}

}  // namespace

ProxyServer::ProxyServer(config::ProxyConfig settings)
    : settings_(std::move(settings)),
      front_door_(main_loop_,
                  [this](runtime::OwnedFd accepted, const FrontDoor::Listener& listener) {
                    Seat(std::move(accepted), listener);
                  }),
      run_id_(runtime::RandomHexId(40)),
      chronicle_([this](const TopologyNews& news) { NoteNews(news, cluster_events_); }),
      drain_timer_(main_loop_),
      files_timer_(main_loop_) {}

ProxyServer::~ProxyServer() { StopWorkers(); }

runtime::Result<void> ProxyServer::Start() {
  started_at_ms_ = runtime::MonotonicMs();
  WarnOfTooFewFiles(settings_.limits);

  tls_files_ = runtime::FileMarks(config::TlsFilesOf(settings_));
  if (auto opened = config::OpenTls(settings_); !opened) return opened;
  password_files_ = runtime::FileMarks(config::PasswordFilesOf(settings_));
  if (auto read = config::ReadPasswordFiles(settings_); !read) return read;

  std::size_t worker_count = WorkerCount(settings_.workers);
  share_.reset(
      new WorkerShare{worker_count, PlanAllCommands(Compositions()), nullptr, nullptr, nullptr});
  if (auto problem = share_->book.ApplySettings(settings_.auth, settings_.limits)) {
    return runtime::Fail(*problem);
  }
  if (auto opened = OpenRecords(); !opened) return opened;
  share_->request_refresh = [this] {
    if (is_refresh_requested_.exchange(true)) return;
    main_loop_.Post([this] {
      is_refresh_requested_ = false;
      refresher_->RequestSoon();
    });
  };
  share_->process_facts = [this] { return Facts(); };
  share_->request_commands = [this] {
    if (are_commands_requested_.exchange(true)) return;
    main_loop_.Post([this] {
      are_commands_requested_ = false;
      learner_->RequestSoon();
    });
  };
  learner_ = std::make_unique<CommandLearner>(
      main_loop_, settings_.backend, [this](const CommandLearner::Snapshot& learned) {
        for (std::size_t i = 0; i < workers_.size(); ++i) {
          group_->Loop(i).Post([this, i, learned] { workers_[i]->TakeLearned(learned); });
        }
      });
  refresher_ = std::make_unique<TopologyRefresher>(
      main_loop_, settings_.backend,
      [this](const TopologyRefresher::Snapshot& snapshot) {
        users_store_->UpdateTopology(*snapshot);
        if (users_store_->IsKnown()) Publish(snapshot);
        monitor_->UpdateTopology(*snapshot);
        learner_->UpdateTopology(*snapshot);
      });
  monitor_ = std::make_unique<ReplicaMonitor>(
      main_loop_, settings_.backend, [this](const ReplicaFactsSnapshot& facts) {
        for (std::size_t i = 0; i < workers_.size(); ++i) {
          group_->Loop(i).Post([this, i, facts] { workers_[i]->TakeReplicaFacts(facts); });
        }
      });

  KeepUsers();

  group_ = std::make_unique<runtime::WorkerGroup>(worker_count);
  for (std::size_t i = 0; i < worker_count; ++i) {
    group_->Loop(i).SetPauseMax(settings_.pause_max_us);
    workers_.push_back(
        std::make_unique<ProxyWorker>(group_->Loop(i), *share_, settings_, ColleaguesOf(i)));
  }
  auto opened = front_door_.Open(settings_.listeners, static_cast<int>(settings_.tcp.backlog));
  if (!opened) return opened;
  if (auto admin = StartAdmin(); !admin) return admin;
  // Workers are destroyed on this thread, when theirs have ended: their counters are read here.
  group_->Start([](std::size_t) {}, [](std::size_t) {});
  refresher_->Start();
  files_timer_.Start(kFilesTickMs, kFilesTickMs, [this] { LookAtFiles(); });
  return {};
}

runtime::Result<void> ProxyServer::OpenRecords() {
  if (auto opened = share_->audit.Open(settings_.audit); !opened) return opened;
  if (auto opened = share_->access.Open(settings_.access_log); !opened) return opened;
  for (std::size_t i = 0; i < share_->worker_count; ++i) {
    // "slotway-1f2e3d4c-0": the proxy, the worker.
    share_->meters.push_back(std::make_unique<WorkerMeter>(
        "slotway-" + run_id_.substr(0, 8) + '-' + std::to_string(i), share_->access));
  }
  return {};
}

Colleagues ProxyServer::ColleaguesOf(std::size_t index) {
  auto post = [this](std::size_t worker, std::function<void(WorkerServices&)> task) {
    group_->Loop(worker).Post(
        [this, worker, task = std::move(task)] { task(workers_[worker]->Services()); });
  };
  return {index, group_->Size(), post};
}

runtime::Result<void> ProxyServer::StartAdmin() {
  if (settings_.admin.port == 0) return {};
  if (settings_.admin.console) share_->audit.TellTo(audit_events_);
  auto address = runtime::SocketAddress::FromNumeric(settings_.admin.address, settings_.admin.port);
  if (!address) return runtime::Fail("admin: " + address.error().text);
  auto admin = AdminEndpoints::Start(*this, *address);
  if (!admin) return tl::unexpected<runtime::Error>(admin.error());
  admin_ = std::move(*admin);
  return {};
}

// To the worker with the fewest clients: left to the kernel, some would have twice as many.
void ProxyServer::Seat(runtime::OwnedFd accepted, const FrontDoor::Listener& listener) {
  auto least = std::min_element(
      workers_.begin(), workers_.end(),
      [](const auto& a, const auto& b) { return a->Load() < b->Load(); });
  (*least)->Assign(std::move(accepted), listener);
}

runtime::Result<SettingsChange> ProxyServer::Reload(const config::ProxyConfig& fresh) {
  auto change = TakeSettings(fresh);
  if (!change) {
    NoteReloadRefused(change.error().text);
    return change;
  }
  is_last_reload_good_ = true;
  share_->audit.NoteReload(change->applied, {});
  return change;
}

void ProxyServer::NoteReloadRefused(std::string_view error) {
  is_last_reload_good_ = false;
  share_->audit.NoteReload({}, error);
}

// What can go wrong comes first, and is undone.
runtime::Result<void> ProxyServer::TryOut(const config::ProxyConfig& effective) {
  if (auto problem = share_->book.ApplySettings(effective.auth, effective.limits)) {
    return runtime::Fail(*problem);
  }
  auto opened = share_->audit.Open(effective.audit);  // also anew, if the file was moved away
  if (opened) opened = share_->access.Open(effective.access_log);
  if (opened) {
    opened = front_door_.Open(effective.listeners, static_cast<int>(effective.tcp.backlog));
  }
  if (!opened) {
    share_->book.ApplySettings(settings_.auth, settings_.limits);
    share_->audit.Open(settings_.audit);
    share_->access.Open(settings_.access_log);
  }
  return opened;
}

runtime::Result<SettingsChange> ProxyServer::TakeSettings(const config::ProxyConfig& fresh) {
  if (is_draining_) return runtime::Fail("shutting down");
  SettingsChange change = CompareSettings(settings_, fresh);
  runtime::FileMarks tls_files(config::TlsFilesOf(change.effective));
  if (auto opened = config::OpenTls(change.effective); !opened) {
    return tl::unexpected(opened.error());
  }
  if (auto tried = TryOut(change.effective); !tried) return tl::unexpected(tried.error());
  const std::uint32_t window_ms = fresh.backend.password_window_ms;
  KeepFormer(settings_.backend, fresh.backend, window_ms, change.effective.backend,
             former_password_until_ms_);
  KeepFormer(settings_.backend.sentinel, fresh.backend.sentinel, window_ms,
             change.effective.backend.sentinel, former_sentinel_password_until_ms_);
  const std::vector<std::string> password_files = config::PasswordFilesOf(change.effective);
  // The same ones may have changed since they were read: that is looked at later.
  if (password_files != config::PasswordFilesOf(settings_)) {
    password_files_ = runtime::FileMarks(password_files);
  }
  settings_ = change.effective;
  tls_files_ = std::move(tls_files);
  WarnOfTooFewFiles(settings_.limits);
  OnEachWorker([this](ProxyWorker& worker) { worker.TakeSettings(settings_); });
  AskBackendAnew(change);
  reloads_.Add();
  return change;
}

void ProxyServer::LookAtFiles() {
  if (is_draining_) return;
  RenewTls();
  RenewPasswords();
  EndFormerPasswords();
}

void ProxyServer::RenewPasswords() {
  if (!password_files_.HaveChanged()) return;
  config::ProxyConfig renewed = settings_;
  renewed.backend.previous_password.clear();
  renewed.backend.sentinel.previous_password.clear();
  auto done = config::ReadPasswordFiles(renewed);
  if (done) {
    if (auto change = Reload(renewed); !change) done = tl::unexpected(change.error());
  }
  if (!done) {
    return runtime::LogWarning(
        "a password file has changed, but what was read before stays: {}", done.error().text);
  }
  runtime::LogInfo("password files have changed and are taken over");
}

void ProxyServer::EndFormerPasswords() {
  const std::uint64_t now_ms = runtime::MonotonicMs();
  const bool is_over = EndFormer(now_ms, settings_.backend, former_password_until_ms_);
  EndFormer(now_ms, settings_.backend.sentinel, former_sentinel_password_until_ms_);
  if (!share_->book.EndPasswords(now_ms) && !is_over) return;
  OnEachWorker([this](ProxyWorker& worker) { worker.TakeSettings(settings_); });
  runtime::LogInfo("the time of passwords that were replaced is over");
}

void ProxyServer::RenewTls() {
  if (!tls_files_.HaveChanged()) return;
  config::ProxyConfig renewed = settings_;
  auto opened = config::OpenTls(renewed);
  if (opened) {
    opened = front_door_.Open(renewed.listeners, static_cast<int>(renewed.tcp.backlog));
  }
  is_last_reload_good_ = opened.has_value();
  if (!opened) {
    return runtime::LogWarning("TLS: files have changed, but what was there before stays: {}",
                               opened.error().text);
  }
  settings_ = std::move(renewed);
  OnEachWorker([this](ProxyWorker& worker) { worker.TakeSettings(settings_); });
  runtime::LogInfo("TLS: files have changed and are taken over");
}

// Workers never wait for this thread, so it may wait for them: whoever is told that something has
// changed finds it changed.
void ProxyServer::OnEachWorker(const std::function<void(ProxyWorker&)>& task) {
  std::latch done(static_cast<std::ptrdiff_t>(workers_.size()));
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    group_->Loop(i).Post([&, i] {
      task(*workers_[i]);
      done.count_down();
    });
  }
  done.wait();
}

void ProxyServer::KeepUsers() {
  users_store_ = std::make_unique<RecordStore>(
      main_loop_, settings_.backend, settings_.backend.keeps_users,
      [this](const std::string& text) { TakeUsersText(text); });
  share_->book.KeepIn([this](UserBook::Edit edit, std::function<void(UserBook::Problem)> done) {
    main_loop_.Post([this, edit = std::move(edit), done = std::move(done)] {
      users_store_->Change(edit, done);
    });
  });
}

// Clients get to the shards only after the users are known, for some may have been removed.
void ProxyServer::TakeUsersText(const std::string& text) {
  share_->book.TakeChanges(text);
  OnEachWorker([this](ProxyWorker& worker) {
    TakeUsers(worker.Services(), share_->book.Current());
  });
  if (std::exchange(are_users_known_, true) || refresher_->Current() == nullptr) return;
  Publish(refresher_->Current());
}

void ProxyServer::AskBackendAnew(const SettingsChange& change) {
  bool is_about_backend =
      std::any_of(change.applied.begin(), change.applied.end(),
                  [](const std::string& name) { return name.starts_with("backend."); });
  if (!is_about_backend) return;
  refresher_->RequestSoon();
  monitor_->ApplySettings();
  users_store_->ApplySettings();
  if (refresher_->Current() == nullptr) return;
  monitor_->UpdateTopology(*refresher_->Current());
  users_store_->UpdateTopology(*refresher_->Current());
}

ConsoleSources ProxyServer::SourcesOfConsole() {
  return {main_loop_,
          settings_,
          share_->book,
          share_->audit,
          cluster_events_,
          audit_events_,
          [this] { return refresher_->Current(); },
          [this] { return monitor_->Standings(); },
          [this] { return Facts(); },
          [this] { return CountForConsole(workers_, share_->meters); },
          [this](std::string& reason) { return IsReady(reason); },
          [this](std::size_t count) { return SlowRequestsForConsole(share_->meters, count); },
          [this](std::size_t count) { return HotKeysForConsole(share_->meters, count); },
          workers_.size(),
          [this](std::size_t worker, std::function<void(WorkerServices&)> task) {
            group_->Loop(worker).Post(
                [this, worker, task = std::move(task)] { task(workers_[worker]->Services()); });
          }};
}

std::optional<runtime::SocketAddress> ProxyServer::AdminAddress() const {
  if (admin_ == nullptr) return std::nullopt;
  return admin_->Address();
}

void ProxyServer::Publish(const TopologyRefresher::Snapshot& snapshot) {
  chronicle_.Take(snapshot);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    group_->Loop(i).Post([this, i, snapshot] { workers_[i]->TakeTopology(snapshot); });
  }
}

void ProxyServer::Run() {
  main_loop_.Run();
  StopWorkers();
}

void ProxyServer::StopWorkers() {
  admin_.reset();
  front_door_.Close();
  if (group_ == nullptr) return;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    group_->Loop(i).Post([this, i] { workers_[i]->Shutdown(); });
  }
  group_->StopAndJoin();
  workers_.clear();
  group_.reset();
}

void ProxyServer::Stop() {
  main_loop_.Post([this] { BeginShutdown(); });
}

// At first only /readyz tells, so that nobody is sent here any more by the time clients are refused.
void ProxyServer::BeginShutdown() {
  if (is_shutting_down_ || settings_.shutdown_grace_ms == 0) return BeginDrain();
  is_shutting_down_ = true;
  runtime::LogInfo("shutting down in {} ms; not ready any more", settings_.shutdown_grace_ms);
  drain_timer_.Start(settings_.shutdown_grace_ms, 0, [this] { BeginDrain(); });
}

void ProxyServer::BeginDrain() {
  if (is_draining_) return;
  is_shutting_down_ = is_draining_ = true;
  runtime::LogInfo("draining");
  front_door_.AdmitWaiting();
  front_door_.Close();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    group_->Loop(i).Post([this, i] { workers_[i]->BeginDrain(); });
  }
  std::uint64_t began_ms = main_loop_.NowMs();
  drain_timer_.Start(kDrainTickMs, kDrainTickMs, [this, began_ms] {
    bool is_over_time = main_loop_.NowMs() - began_ms >= settings_.shutdown_drain_ms;
    if (share_->clients.load() == 0 || is_over_time) EndDrain();
  });
}

void ProxyServer::EndDrain() {
  drain_timer_.Stop();
  main_loop_.Stop();
}

bool ProxyServer::IsReady(std::string& reason) const {
  if (is_shutting_down_) {
    reason = "shutting down";
    return false;
  }
  const TopologyRefresher::Snapshot& topology = refresher_->Current();
  if (topology == nullptr) {
    reason = "no shard has told the topology yet: " + refresher_->LastError();
    return false;
  }
  if (!users_store_->IsKnown()) {
    reason = "too few masters have told what has been changed of the users";
    return false;
  }
  if (!topology->CoversAllSlots()) {
    reason = "some slots have no master";
    return false;
  }
  for (const auto& worker : workers_) {
    if (worker->Dispatch().unready_masters.Get() == 0) continue;
    reason = "a master cannot be reached";
    return false;
  }
  return true;
}

ProcessFacts ProxyServer::Facts() const {
  ProcessFacts facts;
  for (const auto& worker : workers_) {
    const SessionCounters& sessions = worker->Sessions();
    facts.clients += sessions.clients.Get();
    facts.accepted += sessions.accepted.Get();
    facts.rejected += sessions.rejected.Get();
    facts.requests += sessions.requests.Get();
    facts.bytes_in += sessions.bytes_in.Get();
    facts.bytes_out += sessions.bytes_out.Get();
    facts.held_requests += worker->Dispatch().held_now.Get();
    facts.blocked_clients +=
        worker->Dispatch().blocked_now.Get() + sessions.postponed_clients.Get();
    facts.tracking_clients += sessions.tracking_clients.Get();
    facts.failed_logins += sessions.failed_logins.Get();
    facts.denied_commands += sessions.denied_commands.Get();
    facts.denied_keys += sessions.denied_keys.Get();
    facts.denied_channels += sessions.denied_channels.Get();
  }
  facts.uptime_s = (runtime::MonotonicMs() - started_at_ms_) / 1000;
  facts.run_id = run_id_;
  return facts;
}

}  // namespace slotway::proxy
