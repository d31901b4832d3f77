// SPDX-License-Identifier: Apache-2.0
#include "storage/server/shard_server.h"

#include <algorithm>
#include <csignal>
#include <string>
#include <unistd.h>
#include <utility>

#include "protocol/resp_writer.h"
#include "protocol/server_version.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/process_stats.h"
#include "storage/commands/acl_changes.h"
#include "storage/commands/client_push.h"
#include "storage/commands/command_call.h"
#include "storage/commands/invalidation.h"
#include "storage/commands/pubsub_message.h"
#include "storage/scripting/script_handlers.h"
#include "storage/server/start_checks.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kExpiryPeriodMs = 20;
constexpr std::uint64_t kTickPeriodMs = 100;
constexpr std::size_t kTicksOfASecond = 1000 / kTickPeriodMs;
// What expiry may take of a turn of the loop. While there is more to do it goes on in the next
// turn: clients are served in between, and what is due goes as fast as they leave time for it.
constexpr std::uint64_t kExpiryBudgetUs = 1000;
constexpr std::size_t kExpiryTokensPerStep = 500;
constexpr std::size_t kFlushedEntriesPerStep = 2000;
// Freed memory that goes back to the system at a time: up to a millisecond of its work.
constexpr std::size_t kReleasedBytesPerStep = 4 * 1024 * 1024;

constexpr std::string_view kProtectedModeText =
    "DENIED This shard runs in protected mode: no password is set, so only clients on this machine "
    "are served. Set 'requirepass', or turn 'protected-mode' off if the network is trusted.";

bool IsOnThisMachine(const runtime::SocketAddress& client) {
  const std::string host = client.Host();
  return client.IsUnix() || host.starts_with("127.") || host == "::1" ||
         host.starts_with("::ffff:127.");
}

}  // namespace

ShardServer::ShardServer(runtime::EventLoop& loop, config::ShardSettings settings)
    : loop_(loop),
      state_(std::move(settings)),
      scripts_(state_),
      persistence_(loop, state_, [this] { Stop(); }),
      replication_(loop, state_,
                   [this](ClientState& master, std::span<const std::string_view> args) {
                     ApplyOfStream(master, args);
                   }),
      shutdown_(state_,
                {.hand_over =
                     [this](std::int64_t for_ms) {
                       return cluster_ != nullptr && cluster_->HandOver(for_ms);
                     },
                 .expects_heir = [this] { return cluster_ != nullptr && cluster_->ExpectsHeir(); },
                 .is_handing_over = [this] { return cluster_->IsHandingOver(); },
                 .end_reading_script = [this] { scripts_.AbandonUnlessWritten(); }}),
      client_evictor_(loop, state_, [this](std::uint64_t id) { Close(id); }),
      compactor_(state_),
      listeners_(loop, state_,
                 [this](std::unique_ptr<runtime::Connection> connection) {
                   Accept(std::move(connection));
                 }),
      expiry_timer_(loop),
      tick_timer_(loop),
      wait_timer_(loop) {
  AddAllHandlers(handlers_);
  AddScriptHandlers(handlers_);
  state_.handlers = &handlers_;
  state_.replication_host = &replication_;
  state_.close_client = [this](std::uint64_t id) {
    if (!replication_.CutMaster(id)) loop_.Defer([this, id] { Close(id); });
  };
  state_.on_acknowledged = [this] {
    state_.held_replies.Release();
    if (cluster_) cluster_->Migrations().OnAcknowledged();
    if (executor_) executor_->Waiting().ServeAcknowledged();
    shutdown_.Look();
  };
  state_.held_replies.on_room = [this](ClientState& client) {
    const auto found = sessions_.find(client.id);
    if (found != sessions_.end()) found->second->HasRoom();
  };
  state_.shutdown_host = &shutdown_;
  state_.look_at_client_memory = [this] { client_evictor_.Look(); };
  state_.serve_while_busy = [this] { ServeWhileBusy(); };
  state_.unpause = [this] { ResumeClients(); };
  state_.schedule_broadcast = [this] { loop_.Defer([this] { BroadcastInvalidations(state_); }); };
  state_.end_waiting = [this](ClientState& client, std::string_view error) {
    executor_->Waiting().End(client, error);
  };
}

void ShardServer::ApplyOfStream(ClientState& master, std::span<const std::string_view> args) {
  const Request request = executor_->Prepare(args);
  if (request.spec == nullptr || MayStandInStream(*request.spec)) {
    executor_->Execute(master, request, master_output_);
  } else {
    protocol::RespWriter<runtime::ByteQueue> reply(master_output_, protocol::RespVersion::kResp2);
    reply.Error("ERR this command does not belong into a stream of changes");
  }
  LookAtAnswer(args);
  master_output_.Clear();
  if (cluster_) cluster_->OnStream();
}

// What the master could do and we cannot makes two data sets of one.
void ShardServer::LookAtAnswer(std::span<const std::string_view> args) {
  constexpr std::size_t kTextMax = 200;
  constexpr int kLogsPerSecond = 10;
  if (master_output_.Empty()) return;
  std::string answer;
  master_output_.CopyTo(master_output_.Begin(), std::min(master_output_.Size(), kTextMax), answer);
  if (!answer.starts_with('-')) return;
  ++state_.stats.unexpected_error_replies;
  if (state_.now_ms / 1000 != divergences_second_) divergences_logged_ = 0;
  divergences_second_ = state_.now_ms / 1000;
  if (++divergences_logged_ > kLogsPerSecond) return;
  runtime::LogError(
      "== CRITICAL == a command of the master fails here, the data may differ: {}: {}", args[0],
      answer.substr(1, answer.find('\r') - 1));
}

ShardServer::~ShardServer() { sessions_.clear(); }

runtime::Result<bool> ShardServer::Start() {
  ConnectSettings();
  if (auto error = LoadUsers(state_)) return runtime::Fail(*std::move(error));
  if (auto listening = listeners_.Open(); !listening) return listening;
  if (state_.Config().cluster_enabled) {
    auto changed = [this] {
      RedirectWaiting();
      EndShardChannels(state_, [this](std::string_view name) {
        return !cluster_->Owns(protocol::SlotOfKey(name));
      });
    };
    auto cluster = ClusterGateway::Open(state_, loop_,
                                        {.changed =
                                             [this, changed] {
                                               if (executor_) changed();
                                               shutdown_.Look();
                                             },
                                         .let_go_on = [this] { LetClientsGoOn(); }});
    if (!cluster) return tl::unexpected(cluster.error());
    cluster_ = std::move(*cluster);
    state_.held_replies.shard_size = [this] { return cluster_->ShardSize(); };
    state_.cluster.place_of_keys = [this](CommandContext& ctx,
                                          std::span<const protocol::KeyPosition> keys) {
      return cluster_->PlaceOf(ctx, keys);
    };
    state_.cluster.run_command = [this, changed](CommandContext& ctx) {
      cluster_->Run(ctx);
      changed();
    };
    state_.cluster.publish = [this](std::string_view channel, std::string_view message,
                                    bool is_shard) {
      cluster_->Publish(channel, message, is_shard);
    };
  }
  if (state_.Config().min_replicas_to_ack == kMajorityOfShard && !cluster_) {
    return runtime::Fail("min-replicas-to-ack majority: is for cluster mode");
  }
  auto admin = ShardAdmin::Start(loop_, state_, [this] { return WhyNotReady(); });
  if (!admin) return tl::unexpected(admin.error());
  admin_ = std::move(*admin);
  LogStart();
  if (on_listening_) on_listening_();
  WarnOfTooFewFiles(state_.Config().maxclients);
  executor_ = std::make_unique<Executor>(state_, handlers_, cluster_.get());
  executor_->Waiting().OnAnswered([this](ClientState& client) {
    auto found = sessions_.find(client.id);
    if (found != sessions_.end()) found->second->GoOn();
  });
  executor_->Eviction().OnUnfinished([this] { loop_.DeferToNextTurn([this] { GoOnEvicting(); }); });
  executor_->Eviction().WatchFlushes([this] { return loop_.CompleteFlushes(); });
  state_.startup_memory_bytes = state_.UsedMemoryBytes();
  expiry_timer_.Start(kExpiryPeriodMs, kExpiryPeriodMs, [this] { ExpireKeys(); });
  tick_timer_.Start(kTickPeriodMs, kTickPeriodMs, [this] { TickTenTimesASecond(); });
  last_tick_ms_ = loop_.NowMs();
  persistence_.LoadAtStart([this](const std::optional<std::string>& error) { OnLoaded(error); });
  return true;
}

// Tools look for the process here, and for its being ready below.
void ShardServer::LogStart() const {
  runtime::LogInfo("slotway-shard {}, Redis {}, PID: {}, port: {}", protocol::kSlotwayVersion,
                   protocol::kRedisVersion, getpid(), Port());
}

std::string ShardServer::WhyNotReady() const {
  if (state_.persistence.loading.is_loading) return "data is being loaded";
  if (state_.replication.lacks_data) return "a replica may have more of the data";
  if (state_.replication.is_replica && !state_.replication.master.IsUp()) {
    return "the link to the master is down";
  }
  if (cluster_ != nullptr && !cluster_->IsUp()) return "the cluster is down";
  return {};
}

void ShardServer::OnLoaded(const std::optional<std::string>& error) {
  if (!error) {
    runtime::LogInfo("Ready to accept connections");
    replication_.Start(persistence_.LoadedHistory());
    if (cluster_) cluster_->OnLoaded(persistence_.HasLoadedLog());
    return;
  }
  runtime::LogError("cannot load the data: {}", *error);
  has_failed_ = true;
  Stop();
}

void ShardServer::Stop() {
  scripts_.Abandon();
  loop_.Stop();
}

void ShardServer::ShutDownBySignal(int signal) {
  state_.RefreshClock();
  if (shutdown_.IsOn()) {
    if (signal != SIGINT) return;
    runtime::LogWarning("asked again: stops at once");
    has_failed_ = true;
    return Stop();
  }
  const std::uint32_t options =
      signal == SIGINT ? state_.Config().shutdown_on_sigint : state_.Config().shutdown_on_sigterm;
  shutdown_.Begin({.saves = (options & config::kShutdownSave) != 0,
                   .is_nosave = (options & config::kShutdownNosave) != 0,
                   .is_now = (options & config::kShutdownNow) != 0,
                   .is_forced = (options & config::kShutdownForce) != 0});
}

void ShardServer::Accept(std::unique_ptr<runtime::Connection> connection) {
  state_.RefreshClock();
  ++state_.stats.connections_received;
  auto session = std::make_unique<ShardSession>(*this, std::move(connection));
  const config::ShardConfig& config = state_.Config();
  std::string_view refusal;
  if (sessions_.size() >= static_cast<std::size_t>(config.maxclients)) {
    refusal = "ERR max number of clients reached";
  } else if (config.protected_mode && state_.users.Default().HasNoPassword() &&
             !IsOnThisMachine(session->Connection().PeerAddress())) {
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

void ShardServer::Remove(ShardSession& session) { Close(session.Client().id); }

void ShardServer::Close(std::uint64_t client_id) {
  if (client_id == state_.busy_client_id) {
    loop_.DeferToNextTurn([this, client_id] { Close(client_id); });
  } else {
    sessions_.erase(client_id);
  }
}

void ShardServer::ServeWhileBusy() {
  const auto busy = sessions_.find(state_.busy_client_id);
  if (busy != sessions_.end()) busy->second->StandStill();
  replication_.StandStill();
  const std::int64_t script_time_ms = state_.now_ms;  // stands still within a script
  loop_.ServeWithin();
  state_.now_ms = script_time_ms;
}

void ShardServer::ConnectPersistence() {
  static constexpr std::string_view kSaving[] = {"save", "stop-writes-on-bgsave-error"};
  state_.settings.OnSet(kSaving, [this](const config::ShardConfig&) {
    persistence_.ApplySettings();
    return std::nullopt;
  });
  static constexpr std::string_view kLog[] = {"appendonly"};
  state_.settings.OnSet(
      kLog, [this](const config::ShardConfig&) { return persistence_.ApplyAppendonly(); });
}

void ShardServer::ConnectMemory() {
  static constexpr std::string_view kAccess[] = {"maxmemory-policy", "lfu-log-factor",
                                                 "lfu-decay-time"};
  state_.settings.OnSet(kAccess, [this](const config::ShardConfig&) {
    state_.ApplyAccessRules();
    return std::nullopt;
  });
  static constexpr std::string_view kClientMemory[] = {"maxmemory", "maxmemory-clients"};
  state_.settings.OnSet(kClientMemory, [this](const config::ShardConfig&) {
    client_evictor_.Look();
    return std::nullopt;
  });
  static constexpr std::string_view kMemory[] = {"maxmemory"};
  state_.settings.OnSet(kMemory, [this](const config::ShardConfig& config) {
    if (state_.IsOverMemoryLimit()) {
      runtime::LogWarning("maxmemory is {} bytes, but {} are in use; policy {}",
                          config.maxmemory_bytes, state_.UsedMemoryBytes(),
                          config.maxmemory_policy == config::MaxmemoryPolicy::kNoeviction
                              ? "allows no eviction"
                              : "evicts keys");
    }
    loop_.DeferToNextTurn([this] { GoOnEvicting(); });
    return std::nullopt;
  });
}

void ShardServer::ConnectPause() {
  auto apply = [this](const config::ShardConfig& config) {
    loop_.SetPauseMax(static_cast<std::uint32_t>(config.pause_max_us));
    return std::nullopt;
  };
  apply(state_.Config());
  static constexpr std::string_view kPause[] = {"pause-max-us"};
  state_.settings.OnSet(kPause, apply);
}

void ShardServer::ConnectSettings() {
  ConnectPause();
  ConnectPersistence();
  ConnectMemory();
  static constexpr std::string_view kReplicationLog[] = {"repl-backlog-size"};
  state_.settings.OnSet(kReplicationLog, [this](const config::ShardConfig&) {
    replication_.ApplySettings();
    return std::nullopt;
  });
  static constexpr std::string_view kReplicasToAck[] = {"min-replicas-to-ack"};
  state_.settings.OnSet(
      kReplicasToAck, [this](const config::ShardConfig& config) -> std::optional<std::string> {
        if (config.min_replicas_to_ack != kMajorityOfShard || config.cluster_enabled) {
          state_.held_replies.Release();
          return std::nullopt;
        }
        return "the majority of a shard is known in cluster mode only";
      });
  static constexpr std::string_view kEvents[] = {"notify-keyspace-events"};
  state_.settings.OnSet(kEvents, [this](const config::ShardConfig&) {
    state_.ApplyKeyEvents();
    return std::nullopt;
  });
  listeners_.ConnectSettings();
  static constexpr std::string_view kTracking[] = {"tracking-table-max-keys"};
  state_.settings.OnSet(kTracking, [this](const config::ShardConfig&) {
    LimitTrackedKeys(state_);
    return std::nullopt;
  });
  static constexpr std::string_view kPassword[] = {"requirepass"};
  state_.settings.OnSet(kPassword, [this](const config::ShardConfig&) {
    ApplyDefaultPassword(state_);
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
                                                  "cluster-allow-pubsubshard-when-down",
                                                  "cluster-node-timeout",
                                                  "min-replicas-to-ack",
                                                  "cluster-lease-percent",
                                                  "cluster-announce-ip",
                                                  "cluster-announce-hostname",
                                                  "cluster-announce-port",
                                                  "cluster-announce-bus-port",
                                                  "cluster-announce-tls-port",
                                                  "tls-port",
                                                  "tls-cluster",
                                                  "tls-replication",
                                                  "cluster-allow-replica-migration",
                                                  "cluster-migration-barrier",
                                                  "cluster-replica-no-failover",
                                                  "cluster-replica-validity-factor"};
  state_.settings.OnSet(kCluster, [this](const config::ShardConfig&) {
    if (cluster_) cluster_->ApplySettings();
    return std::nullopt;
  });
}

void ShardServer::ExpireKeys() {
  if (IsBusy() || state_.is_cron_paused) return;
  const bool is_loading = state_.persistence.loading.is_loading;
  std::uint64_t start_us = runtime::MonotonicUs();
  state_.RefreshClock();
  bool out_of_time = false;
  for (int i = 0; i < state_.DatabaseCount() && !out_of_time; ++i) {
    Keyspace* database = state_.DatabaseIfUsed(i);
    if (database == nullptr) continue;
    bool more = true;
    while (more && !out_of_time) {
      more = state_.active_expiry_enabled && !IsPauseOn() && !is_loading &&
             database->ExpireDue(state_.now_ms, kExpiryTokensPerStep).more;
      more = database->FreeFlushed(kFlushedEntriesPerStep) || more;
      state_.stats.lazyfreed_objects += database->TakeFreedCount();
      more = database->arena().ReleaseFreed(kReleasedBytesPerStep) || more;
      out_of_time = runtime::MonotonicUs() - start_us > kExpiryBudgetUs;
    }
  }
  while (!out_of_time && state_.incoming.FreeSome(kFlushedEntriesPerStep)) {
    out_of_time = runtime::MonotonicUs() - start_us > kExpiryBudgetUs;
  }
  state_.own_keys.Expire();
  if (state_.propagation.HasUnit()) state_.propagation.EndUnits();
  if (!out_of_time && !is_loading) compactor_.Step();
  if (out_of_time) {
    ++state_.stats.expire_cycle_limits;
    if (!std::exchange(goes_on_expiring_, true)) {
      loop_.DeferToNextTurn([this] {
        goes_on_expiring_ = false;
        ExpireKeys();
      });
    }
  }
  const std::uint64_t taken_us = runtime::MonotonicUs() - start_us;
  state_.stats.expire_cycle_us += taken_us;
  const std::uint64_t taken_ms = taken_us / 1000;
  auto threshold_ms = static_cast<std::uint64_t>(state_.Config().latency_monitor_threshold_ms);
  if (threshold_ms != 0 && taken_ms >= threshold_ms) {
    state_.latency.Add(kExpireEvent, state_.now_ms / 1000, taken_ms);
  }
  if (state_.paused_until_ms != 0 && !IsPauseOn()) ResumeClients();
  if (state_.waiters.HasReady()) executor_->Waiting().ServeReady();
}

// What one turn of the loop had no time for. Never within a command, a transaction or a script.
void ShardServer::GoOnEvicting() {
  if (IsBusy()) return;  // the next command goes on
  state_.RefreshClock();
  executor_->Eviction().HasRoom();
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
  constexpr std::uint64_t kAgainMs = 10;
  if (IsBusy()) return wait_timer_.Start(kAgainMs, 0, [this] { EndDueWaits(); });
  state_.RefreshClock();
  executor_->Waiting().EndDue();
  ArmWaitTimer();
}

void ShardServer::TickTenTimesASecond() {
  if (IsBusy() || state_.is_cron_paused) return;
  double seconds = static_cast<double>(loop_.NowMs() - last_tick_ms_) / 1000;
  last_tick_ms_ = loop_.NowMs();
  ServerStats& stats = state_.stats;
  stats.command_rate.Sample(stats.commands_processed, seconds);
  stats.input_rate.Sample(stats.input_bytes, seconds);
  stats.output_rate.Sample(stats.output_bytes, seconds);
  stats.stream_input_rate.Sample(state_.replication.stream_input_bytes, seconds);
  stats.stream_output_rate.Sample(state_.replication.stream_output_bytes, seconds);
  state_.peak_memory_bytes = std::max(state_.peak_memory_bytes, state_.UsedMemoryBytes());
  LookAtSomeClients();
  if (++tick_count_ % kTicksOfASecond == 0) {
    compactor_.Look();
    listeners_.LookAtFiles();
  }
  persistence_.Tick();
  replication_.Tick();
  if (cluster_) cluster_->Migrations().Tick();
  state_.held_replies.Release();
  state_.held_replies.EndDue();
  shutdown_.Look();
}

// Each of them once a second, whether it is silent, and whether it takes what it is sent.
void ShardServer::LookAtSomeClients() {
  std::int64_t limit_ms = state_.Config().timeout_s * 1000;
  std::size_t count = (state_.clients.size() + kTicksOfASecond - 1) / kTicksOfASecond;
  for (; count > 0; --count) {
    auto next = state_.clients.upper_bound(last_seen_client_id_);
    if (next == state_.clients.end()) next = state_.clients.begin();
    if (next == state_.clients.end()) return;
    last_seen_client_id_ = next->first;
    ClientState& client = *next->second;
    // Who waits or listens is silent for a reason.
    const bool may_be_idle = client.is_waiting || client.Is(ClientWay::kSubscribed) ||
                             client.Is(ClientWay::kMonitoring) || client.Is(ClientWay::kReplica) ||
                             client.is_master;
    const bool is_idle =
        limit_ms != 0 && !may_be_idle && state_.now_ms - client.last_active_ms > limit_ms;
    if (is_idle) state_.close_client(client.id);
    CheckOutputLimit(state_, client);
    state_.client_memory.Count(client);
  }
}

}  // namespace slotway::storage
