// SPDX-License-Identifier: Apache-2.0
#include "storage/server/shard_server.h"

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/resp_writer.h"
#include "runtime/clock.h"
#include "runtime/file_limit.h"
#include "runtime/log.h"
#include "runtime/process_stats.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kExpiryPeriodMs = 20;
constexpr std::uint64_t kTickPeriodMs = 100;
// What one expiry round may take of the engine's time: a quarter of the period.
constexpr std::uint64_t kExpiryBudgetUs = 5000;
constexpr std::size_t kExpiryTokensPerStep = 1000;
constexpr std::size_t kFlushedEntriesPerStep = 2000;
// Freed memory that goes back to the system at a time: a few milliseconds of its work.
constexpr std::size_t kReleasedBytesPerStep = 16 * 1024 * 1024;

constexpr std::string_view kProtectedModeText =
    "DENIED This shard runs in protected mode: no password is set, so only clients on this machine "
    "are served. Set 'requirepass', or turn 'protected-mode' off if the network is trusted.";

bool IsLoopback(const std::string& host) {
  return host.starts_with("127.") || host == "::1" || host.starts_with("::ffff:127.");
}

// `maxclients` and a reserve for what else a process opens.
void WarnOfTooFewFiles(std::int64_t maxclients) {
  constexpr std::uint64_t kReserve = 128;
  std::uint64_t wanted = static_cast<std::uint64_t>(maxclients) + kReserve;
  std::uint64_t granted = runtime::RaiseFileLimit(wanted);
  if (granted >= wanted) return;
  runtime::LogWarning("the system allows {} open files: too few for maxclients {}", granted,
                      maxclients);
}

}  // namespace

ShardServer::ShardServer(runtime::EventLoop& loop, config::ShardSettings settings)
    : loop_(loop), state_(std::move(settings)), expiry_timer_(loop), tick_timer_(loop),
      wait_timer_(loop) {
  AddAllHandlers(handlers_);
  state_.handlers = &handlers_;
  state_.request_shutdown = [this] { loop_.Stop(); };
  state_.close_client = [this](std::uint64_t id) {
    loop_.Defer([this, id] {
      auto found = sessions_.find(id);
      if (found != sessions_.end()) sessions_.erase(found);
    });
  };
  state_.unpause = [this] { ResumeClients(); };
  state_.end_waiting = [this](ClientState& client, std::string_view error) {
    executor_->Waiting().End(client, error);
  };
}

ShardServer::~ShardServer() {
  listeners_.clear();
  sessions_.clear();
}

runtime::Result<bool> ShardServer::Start() {
  ConnectSettings();
  for (const std::string& address : state_.Config().bind) {
    bool is_optional = address.starts_with('-');
    auto listening = ListenOn(is_optional ? address.substr(1) : address);
    if (!listening && !is_optional) return tl::unexpected(listening.error());
  }
  if (listeners_.empty()) return runtime::Fail("no address to listen on");
  if (state_.Config().cluster_enabled) {
    auto cluster = ClusterGateway::Open(state_);
    if (!cluster) return tl::unexpected(cluster.error());
    cluster_ = std::move(*cluster);
    state_.run_cluster_command = [this](CommandContext& ctx) {
      cluster_->Run(ctx);
      RedirectWaiting();
    };
  }
  WarnOfTooFewFiles(state_.Config().maxclients);
  executor_ = std::make_unique<Executor>(state_, handlers_, cluster_.get());
  executor_->Waiting().OnAnswered([this](ClientState& client) {
    auto found = sessions_.find(client.id);
    if (found != sessions_.end()) found->second->GoOn();
  });
  expiry_timer_.Start(kExpiryPeriodMs, kExpiryPeriodMs, [this] { ExpireKeys(); });
  tick_timer_.Start(kTickPeriodMs, kTickPeriodMs, [this] { TickTenTimesASecond(); });
  last_tick_ms_ = loop_.NowMs();
  return true;
}

runtime::Result<bool> ShardServer::ListenOn(const std::string& bind_address) {
  std::string host = bind_address;
  if (host == "*") host = "0.0.0.0";
  if (host == "::*") host = "::";
  if (host == "localhost") host = "127.0.0.1";
  auto port = static_cast<std::uint16_t>(state_.listening_port != 0 ? state_.listening_port
                                                                    : state_.Config().port);
  auto address = runtime::SocketAddress::FromNumeric(host, port);
  if (!address) return tl::unexpected(address.error());
  runtime::Listener::Options options;
  options.backlog = static_cast<int>(state_.Config().tcp_backlog);
  auto listener = runtime::Listener::Listen(
      loop_, *address, options,
      [this](std::unique_ptr<runtime::Connection> connection) { Accept(std::move(connection)); });
  if (!listener) {
    return runtime::Fail("cannot listen on " + address->ToString() + ": " + listener.error().text);
  }
  if (state_.listening_port == 0) state_.listening_port = (*listener)->Address().Port();
  listeners_.push_back(std::move(*listener));
  return true;
}

void ShardServer::Accept(std::unique_ptr<runtime::Connection> connection) {
  state_.RefreshClock();
  ++state_.stats.connections_received;
  auto session = std::make_unique<ShardSession>(*this, std::move(connection));
  const config::ShardConfig& config = state_.Config();
  std::string_view refusal;
  if (sessions_.size() >= static_cast<std::size_t>(config.maxclients)) {
    refusal = "ERR max number of clients reached";
  } else if (config.protected_mode && config.requirepass.empty() &&
             !IsLoopback(session->Connection().PeerAddress().Host())) {
    refusal = kProtectedModeText;
  }
  if (config.tcp_keepalive_s > 0) {
    session->Connection().SetKeepalive(static_cast<unsigned>(config.tcp_keepalive_s));
  }
  session->Start();
  if (!refusal.empty()) {
    ++state_.stats.connections_rejected;
    protocol::RespWriter<runtime::ByteQueue> reply(session->Connection().Output(),
                                                   protocol::RespVersion::kResp2);
    reply.Error(refusal);
    session->Connection().CloseAfterFlush();
  }
  std::uint64_t id = session->Client().id;
  sessions_.emplace(id, std::move(session));
}

void ShardServer::Remove(ShardSession& session) { sessions_.erase(session.Client().id); }

void ShardServer::ResumeClients() {
  state_.paused_until_ms = 0;
  for (auto& [id, session] : sessions_) {
    const bool is_held_back = session->Connection().IsPaused() && !session->Client().is_waiting;
    if (is_held_back) session->Connection().ResumeReading();
  }
}

void ShardServer::ConnectSettings() {
  static constexpr std::string_view kEviction[] = {"maxmemory-policy"};
  state_.settings.OnSet(kEviction, [this](const config::ShardConfig&) {
    state_.ApplyAccessClock();
    return std::nullopt;
  });
  static constexpr std::string_view kTiming[] = {"slowlog-log-slower-than", "slowlog-max-len",
                                                 "latency-monitor-threshold", "latency-tracking"};
  state_.settings.OnSet(kTiming, [this](const config::ShardConfig& config) {
    state_.timing.Apply(config);
    state_.slow_log.DropBeyond(static_cast<std::size_t>(config.slowlog_max_len));
    return std::nullopt;
  });
  static constexpr std::string_view kCluster[] = {"cluster-require-full-coverage",
                                                  "cluster-allow-reads-when-down",
                                                  "cluster-allow-pubsubshard-when-down"};
  state_.settings.OnSet(kCluster, [this](const config::ShardConfig&) {
    if (cluster_) cluster_->ApplySettings();
    return std::nullopt;
  });
}

void ShardServer::ExpireKeys() {
  std::uint64_t start_us = runtime::MonotonicUs();
  state_.RefreshClock();
  bool out_of_time = false;
  for (int i = 0; i < state_.DatabaseCount() && !out_of_time; ++i) {
    Keyspace* database = state_.DatabaseIfUsed(i);
    if (database == nullptr) continue;
    bool more = true;
    while (more && !out_of_time) {
      more = state_.active_expiry_enabled && !IsPauseOn() &&
             database->ExpireDue(state_.now_ms, kExpiryTokensPerStep).more;
      more = database->FreeFlushed(kFlushedEntriesPerStep) || more;
      state_.stats.lazyfreed_objects += database->TakeFreedCount();
      more = database->arena().ReleaseFreed(kReleasedBytesPerStep) || more;
      out_of_time = runtime::MonotonicUs() - start_us > kExpiryBudgetUs;
    }
  }
  if (out_of_time) ++state_.stats.expire_cycle_limits;
  std::uint64_t taken_ms = (runtime::MonotonicUs() - start_us) / 1000;
  auto threshold_ms = static_cast<std::uint64_t>(state_.Config().latency_monitor_threshold_ms);
  if (threshold_ms != 0 && taken_ms >= threshold_ms) {
    state_.latency.Add(kExpireEvent, state_.now_ms / 1000, taken_ms);
  }
  if (state_.paused_until_ms != 0 && !IsPauseOn()) ResumeClients();
  if (state_.waiters.HasReady()) executor_->Waiting().ServeReady();
}

// Slots change hands by CLUSTER commands.
void ShardServer::RedirectWaiting() {
  if (!state_.waiters.IsAnyoneWaiting()) return;
  for (ClientState* client : state_.waiters.Clients()) {
    const std::string error =
        cluster_->ErrorForWaiting(*client, *state_.waiters.RequestOf(*client));
    if (!error.empty()) executor_->Waiting().End(*client, error);
  }
}

void ShardServer::ArmWaitTimer() {
  const auto deadline_ms = state_.waiters.NextDeadline();
  if (!deadline_ms) {
    wait_timer_.Stop();
    return;
  }
  // The timer counts from the beginning of the loop's iteration: it may come early, and is armed
  // again then.
  const std::int64_t delay_ms = std::max<std::int64_t>(*deadline_ms - state_.now_ms, 1);
  wait_timer_.Start(static_cast<std::uint64_t>(delay_ms), 0, [this] { EndDueWaits(); });
}

void ShardServer::EndDueWaits() {
  state_.RefreshClock();
  executor_->Waiting().EndDue();
  ArmWaitTimer();
}

void ShardServer::TickTenTimesASecond() {
  double seconds = static_cast<double>(loop_.NowMs() - last_tick_ms_) / 1000;
  last_tick_ms_ = loop_.NowMs();
  ServerStats& stats = state_.stats;
  stats.command_rate.Sample(stats.commands_processed, seconds);
  stats.input_rate.Sample(stats.input_bytes, seconds);
  stats.output_rate.Sample(stats.output_bytes, seconds);
  state_.process_bytes = runtime::AllocatedBytes();
  state_.peak_memory_bytes = std::max(state_.peak_memory_bytes, state_.UsedMemoryBytes());
  CloseIdleClients();
}

void ShardServer::CloseIdleClients() {
  std::int64_t limit_ms = state_.Config().timeout_s * 1000;
  std::uint64_t output_max =
      state_.Config().client_output_buffer_limit[config::kClientNormal].hard_bytes;
  if (limit_ms == 0 && output_max == 0) return;
  for (auto& [id, session] : sessions_) {
    bool is_idle = limit_ms != 0 && !session->Client().is_waiting &&
                   state_.now_ms - session->Client().last_active_ms > limit_ms;
    bool is_full = output_max != 0 && session->Connection().UnwrittenBytes() > output_max;
    if (is_idle || is_full) state_.close_client(id);
  }
}

}  // namespace slotway::storage
