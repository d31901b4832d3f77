// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/dispatcher.h"

#include <algorithm>
#include <utility>

#include "protocol/error_reply.h"
#include "protocol/error_text.h"
#include "proxy/routing/redirect.h"
#include "proxy/routing/trouble_texts.h"
#include "runtime/log.h"

namespace slotway::proxy {
namespace {

using protocol::Slot;
using trouble_text::kHoldFull;
using trouble_text::kOutcomeUnknown;
using trouble_text::kShuttingDown;
using trouble_text::kTooManyRedirects;
using trouble_text::kUnreachable;

// Waiting output to one shard beyond which its clients are read no further.
constexpr std::size_t kCongestedBytes = 8 * 1024 * 1024;
constexpr std::uint64_t kHoldTickMs = 10;
constexpr std::uint64_t kStallTickMs = 250;
// How long a replica that refused a read is asked only if there is nobody else.
constexpr std::uint64_t kAvoidMs = 1000;
// Trouble that was not seen for this long is over.
constexpr std::uint64_t kTroubleGapMs = 1000;

// Only a replica may answer it.
bool NeedsReplica(const InFlight& request) {
  return request.lane.IsReadonly() && request.reads.Policy() == config::ReadPolicy::kReplica;
}


// The bounds hold for the process: each worker has its share.
HoldQueue::Limits HoldLimitsOf(const config::HoldConfig& hold, std::size_t worker_count) {
  return {hold.time_max_ms, std::max<std::size_t>(1, hold.requests_max / worker_count),
          hold.bytes_max / worker_count};
}
std::size_t PrivateMaxOf(const config::LimitsConfig& limits, std::size_t worker_count) {
  return std::max<std::size_t>(1, limits.private_connections_max / worker_count);
}

}  // namespace

Dispatcher::Dispatcher(runtime::EventLoop& loop, const config::ProxyConfig& settings,
                       std::size_t worker_count, std::function<void()> request_refresh)
    : loop_(loop),
      settings_(settings),
      worker_count_(worker_count),
      request_refresh_(std::move(request_refresh)),
      pool_(loop, GreetingOf(settings.backend), *this),
      private_(loop, GreetingOf(settings.backend), PrivateMaxOf(settings.limits, worker_count)),
      hold_(HoldLimitsOf(settings.hold, worker_count)),
      own_scripts_(settings.routing.script_memory_bytes_max),
      hold_timer_(loop),
      stall_timer_(loop),
      has_slots_(settings.backend.kind == config::BackendKind::kCluster) {
  stall_timer_.Start(kStallTickMs, kStallTickMs, [this] { CheckBackends(); });
}

Dispatcher::Dispatcher(runtime::EventLoop& loop, const config::ProxyConfig& settings,
                       std::size_t worker_count, std::function<void()> request_refresh,
                       const OwnConnections& own)
    : Dispatcher(loop, settings, worker_count, std::move(request_refresh)) {
  watcher_ = &own.watcher;
  blocked_now_ = &own.blocked_now;
  first_lane_ = own.lane;
  connects_to_all_ = own.connects_to_all;
  pool_.SetGreeting(own.greeting);
}

void Dispatcher::ApplySettings() {
  scripts_->SetBound(settings_.routing.script_memory_bytes_max);
  BackendLogin login = GreetingOf(settings_.backend).login;
  pool_.SetLogin(login);
  private_.SetLogin(std::move(login));
  private_.SetMax(PrivateMaxOf(settings_.limits, worker_count_));
  hold_.SetLimits(HoldLimitsOf(settings_.hold, worker_count_));
}

void Dispatcher::CheckBackends() {
  CountUnready();
  if (watcher_ == nullptr) pool_.MeasureNodes();  // not of one client alone
  // After a pause of the whole process the answers may be there, unread: not the shards stalled.
  bool was_paused = loop_.NowMs() - checked_at_ms_ > 4 * kStallTickMs;
  checked_at_ms_ = loop_.NowMs();
  if (was_paused) return;
  const std::uint64_t interval_ms = settings_.backend.ping_interval_ms;
  std::vector<BackendConnection*> backends;
  pool_.ForEach([&](NodeIndex, BackendConnection& backend) { backends.push_back(&backend); });
  for (BackendConnection* backend : backends) {
    if (backend->IsDown()) continue;
    // It may be busy; or it is cut off, and the cluster has replaced it already.
    if (interval_ms != 0 && backend->IsSilent(interval_ms)) request_refresh_();
    if (backend->FailIfStalled(settings_.backend.response_timeout_ms)) {
      // What blocks has no time of its own to be answered in, and its connection shows no sign.
      private_.DropNode(backend->Address(), "the shard did not answer in time");
      continue;
    }
    backend->CareIfIdle(interval_ms);
  }
  DropNodesThatLeft();
}

Dispatcher::Trouble& Dispatcher::NoteTrouble(Slot slot) {
  Trouble& trouble = trouble_[owners_[slot]];
  if (loop_.NowMs() - trouble.last_ms > kTroubleGapMs) trouble.since_ms = loop_.NowMs();
  trouble.last_ms = loop_.NowMs();
  return trouble;
}

bool Dispatcher::IsTroubleTooOld(Slot slot) {
  return loop_.NowMs() - NoteTrouble(slot).since_ms >= settings_.hold.time_max_ms;
}

void Dispatcher::CountUnready() {
  std::uint64_t unready = 0;
  if (!connects_to_all_) return;
  for (Slot slot : slot_of_each_master_) {
    NodeIndex node = owners_[slot];
    if (node != kNoNodeIndex && pool_.Ready(node, first_lane_) != nullptr) continue;
    ++unready;
    // Connected before anybody needs it: the first request should not wait.
    if (node != kNoNodeIndex) pool_.Want(node, first_lane_);
  }
  counters_.unready_masters.Set(unready);
  counters_.held_now.Set(hold_.Size());
  counters_.private_now.Set(private_.Leased());
}

bool Dispatcher::IsCongested(Slot slot) const {
  NodeIndex node = owners_[slot];
  if (hold_.IsCrowded()) return true;
  if (node == kNoNodeIndex) return false;
  if (pool_.UnsentBytesOfBusiestLane(node) > kCongestedBytes) return true;
  auto replicas = reads_.Candidates(node, config::ReadPolicy::kReplica);
  return std::any_of(replicas.begin(), replicas.end(), [&](NodeIndex replica) {
    return pool_.UnsentBytesOfBusiestLane(replica) > kCongestedBytes;
  });
}

void Dispatcher::UpdateTopology(const protocol::Topology& topology) {
  if (has_topology_ && topology.version == version_ && !is_map_corrected_) return;
  version_ = topology.version;
  is_map_corrected_ = false;
  mark_of_map_.reset();
  std::vector<bool> kept;
  hostnames_.clear();
  std::vector<NodeIndex> index_of(topology.nodes.size(), kNoNodeIndex);
  std::vector<NodeIndex> failing;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const protocol::ClusterNode& node = topology.nodes[i];
    NodeIndex index = pool_.FindOrAdd(node.endpoint);
    if (index == kNoNodeIndex) continue;
    index_of[i] = index;
    if (kept.size() <= index) kept.resize(index + 1u);
    kept[index] = true;
    if (!node.hostname.empty()) hostnames_[node.hostname].push_back(index);
    if (node.is_failing) failing.push_back(index);
  }
  slot_of_each_master_.clear();
  bool has_moved = false;
  std::vector<bool> is_listed(topology.nodes.size(), false);
  for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
    std::uint16_t owner = topology.owner_of_slot[static_cast<std::size_t>(slot)];
    NodeIndex node = owner == protocol::kNoNode ? kNoNodeIndex : index_of[owner];
    NodeIndex before = owners_.Set(static_cast<Slot>(slot), node);
    has_moved = has_moved || (before != kNoNodeIndex && before != node);
    if (node == kNoNodeIndex || is_listed[owner]) continue;
    is_listed[owner] = true;
    slot_of_each_master_.push_back(static_cast<Slot>(slot));
    if (connects_to_all_) pool_.Want(node, first_lane_);
  }
  reads_.UpdateTopology(topology, index_of);
  FenceMovedSlots();
  pool_.KeepOnly(kept);
  DropNodesThatLeft();
  std::erase_if(trouble_, [&](const auto& entry) {
    return entry.first != kNoNodeIndex && (entry.first >= kept.size() || !kept[entry.first]);
  });
  // A node that the cluster agreed is down will not answer what it was sent. Unless it was only silent:
  // so as long as nobody has taken over its slots, what it has got stays there.
  for (NodeIndex node : failing) {
    constexpr std::string_view kReason = "the cluster marked the node as failed";
    const bool is_owner = std::any_of(slot_of_each_master_.begin(), slot_of_each_master_.end(),
                                      [&](Slot slot) { return owners_[slot] == node; });
    if (is_owner) {
      pool_.Doubt(node, kReason);
    } else {
      pool_.Reset(node, kReason);
      private_.DropNode(pool_.AddressOf(node), kReason);
    }
  }
  if (has_moved && watcher_ != nullptr) watcher_->OnOwnersChanged();
  has_topology_ = true;
  has_slots_ = topology.has_slots;
  hold_.MakeAllDue();
  RetryHeld();
  CountUnready();
}

void Dispatcher::DropNodesThatLeft() {
  for (const runtime::SocketAddress& address : pool_.DropLeft()) {
    private_.DropNode(address, "the node left the cluster");
  }
}

void Dispatcher::CorrectOwner(Slot slot, NodeIndex node) {
  if (owners_.Set(slot, node) == node) return;
  mark_of_map_.reset();
  is_map_corrected_ = true;
  if (watcher_ != nullptr) watcher_->OnOwnersChanged();
  FenceMovedSlots();
  hold_.MakeAllDue();
}

void Dispatcher::OnReady(BackendConnection& backend) {
  if (meter_ != nullptr) meter_->Touch();
  counters_.backend_connects.Add();
  pool_.NoteReady(backend);
  trouble_.erase(pool_.NodeOf(backend));
  hold_.MakeAllDue();
  RetryHeld();
  CountUnready();
  if (watcher_ != nullptr) watcher_->OnConnectionReady();
}

void Dispatcher::OnTrusted(BackendConnection&) {
  hold_.MakeAllDue();
  RetryHeld();
  CountUnready();
}

void Dispatcher::OnPush(BackendConnection&, std::string_view push) {
  if (watcher_ != nullptr) watcher_->OnPush(push);
}

bool Dispatcher::OnErrorReply(BackendConnection& backend, InFlight& request,
                              std::string_view reply) {
  if (request.is_by_digest && IsUnknownScript(reply)) return LoadScript(backend, request, reply);
  if (request.shows_script) ForgetRefused(backend, reply);
  ReplyVerdict verdict = JudgeErrorReply(reply);
  if (verdict == ReplyVerdict::kForClient) return false;
  MarkHeldBack(request);
  // What went ahead of it to load its script was refused as well.
  if (request.is_by_digest) {
    script_loader_.NoteUnknown(*scripts_, backend, ScriptLoader::DigestOf(backend.FrontRequest()));
  }
  InFlight again = request;  // sending may move the ring that `request` is in
  if (backend.OwnLane().IsReadonly()) {
    RetryRead(backend, again, reply);
    return true;
  }
  // A read that the master got: what it says goes for masters.
  again.lane = again.lane.WithReadonly(false);
  switch (verdict) {
    case ReplyVerdict::kMoved:
      counters_.moved.Add();
      FollowMoved(backend, again, reply);
      break;
    case ReplyVerdict::kAsk:
      counters_.asked.Add();
      FollowAsk(backend, again, reply);
      break;
    default:
      counters_.retried.Add();
      if (verdict == ReplyVerdict::kRetryRefresh) request_refresh_();
      if (again.retries < 255) ++again.retries;
      if (verdict != ReplyVerdict::kTryAgain && IsTroubleTooOld(again.slot)) return false;
      AwaitFollowers(backend);
      Hold(backend.FrontRequest(), again, protocol::ErrorTextOf(reply), BackoffMs(again.retries));
  }
  return true;
}

void Dispatcher::FollowMoved(BackendConnection& backend, InFlight request, std::string_view reply) {
  request_refresh_();
  protocol::Redirect redirect{};
  if (!CountRedirect(request)) return;
  NodeIndex node = NodeOfRedirect(backend.Address(), reply, redirect);
  if (node == kNoNodeIndex) {
    Hold(backend.FrontRequest(), request, kUnreachable, BackoffMs(request.redirects));
    return;
  }
  // Of a request whose keys we could not tell, the shard has told the slot.
  request.slot = redirect.slot;
  CorrectOwner(redirect.slot, node);
  if (hold_.HoldsBefore(request.Client(), request.slot, request.Sequence())) {
    Hold(backend.FrontRequest(), request, kUnreachable, 0);
  } else {
    SendAgain(backend.FrontRequest(), request);
  }
}

void Dispatcher::FollowAsk(BackendConnection& backend, InFlight request, std::string_view reply) {
  protocol::Redirect redirect{};
  NodeIndex node = NodeOfRedirect(backend.Address(), reply, redirect);
  if (node == kNoNodeIndex) {
    request_refresh_();
    if (!CountRedirect(request)) return;
    return Hold(backend.FrontRequest(), request, kUnreachable, BackoffMs(request.redirects));
  }
  request.slot = redirect.slot;
  BackendConnection* target = pool_.Ready(node, request.lane);
  // Only what is followed counts: a new node's connection may take its time.
  if (target != nullptr && !CountRedirect(request)) return;
  if (target != nullptr && !hold_.HoldsBefore(request.Client(), request.slot, request.Sequence())) {
    std::string bytes = backend.FrontRequest();
    if (request.is_by_digest) {
      script_loader_.LoadAhead(*scripts_, *target, ScriptLoader::DigestOf(bytes));
    }
    target->SendAsking(bytes, request);
    return;
  }
  // The slot's owner will say ASK again once the connection is up.
  pool_.Want(node, request.lane);
  Hold(backend.FrontRequest(), request, kUnreachable, kHoldTickMs);
}

// Only to nodes that the cluster itself has told: what looks like a redirect may be a script's
// doing.
NodeIndex Dispatcher::NodeOfRedirect(const runtime::SocketAddress& from, std::string_view reply,
                                     protocol::Redirect& redirect) const {
  protocol::Endpoint answered_by{from.Host(), from.Port()};
  if (!protocol::ParseRedirect(protocol::ErrorTextOf(reply), answered_by, redirect)) {
    return kNoNodeIndex;
  }
  NodeIndex node = pool_.Find(redirect.endpoint);
  if (node != kNoNodeIndex) return node;
  auto named = hostnames_.find(redirect.endpoint.host);
  if (named == hostnames_.end()) return kNoNodeIndex;
  for (NodeIndex candidate : named->second) {
    if (pool_.EndpointOf(candidate).port == redirect.endpoint.port) return candidate;
  }
  return kNoNodeIndex;
}

bool Dispatcher::CountRedirect(InFlight& request) {
  if (++request.redirects <= settings_.retry.redirects_max) return true;
  Refuse(request, kTooManyRedirects);
  return false;
}

void Dispatcher::OnLost(InFlight& request, std::string bytes, bool may_have_run) {
  if (may_have_run && !request.is_readonly) {
    counters_.lost.Add();
    NoteFate(request, true);
    AnswerError(request, kOutcomeUnknown);
    return;
  }
  MarkHeldBack(request);
  Hold(std::move(bytes), request, kUnreachable, kHoldTickMs);
}

void Dispatcher::OnDown(BackendConnection& backend, std::string_view reason) {
  counters_.backend_failures.Add();
  script_loader_.ForgetConnection(backend);
  if (!is_shut_down_) runtime::LogWarning("shard {}: {}", backend.Address().ToString(), reason);
  bool was_ready = backend.WasReady();
  pool_.NoteDown(backend);
  request_refresh_();
  if (is_shut_down_) return;
  CountUnready();
  if (was_ready && watcher_ != nullptr) watcher_->OnConnectionLost();
}

void Dispatcher::UpdateReplicas(ReplicaFactsSnapshot facts) {
  reads_.UpdateFacts(std::move(facts));
  // What they were asked may wait for long; others answer now.
  for (NodeIndex node : reads_.SilentReplicas()) pool_.Reset(node, "the replica does not answer");
  hold_.MakeAllDue();
  RetryHeld();
}

void Dispatcher::SendRead(std::string_view bytes, const InFlight& request) {
  BackendConnection* backend = ReadTarget(request);
  if (backend == nullptr) return HoldUnreachable(bytes, request);
  if (backend->OwnLane().IsReadonly()) counters_.replica_reads.Add();
  backend->Send(bytes, request);
}

BackendConnection* Dispatcher::ReadTarget(const InFlight& request) {
  NodeIndex master = owners_[request.slot];
  if (master == kNoNodeIndex) return nullptr;
  Lane master_lane = request.lane.WithReadonly(false);
  auto candidates = reads_.Candidates(master, request.reads.Policy());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    NodeIndex node = candidates[(request.reads.Turn() + i) % candidates.size()];
    if (reads_.IsAvoided(node, loop_.NowMs())) continue;
    Lane lane = node == master ? master_lane : request.lane;
    if (BackendConnection* backend = pool_.Ready(node, lane)) return backend;
    pool_.Want(node, lane);
  }
  if (request.reads.Policy() == config::ReadPolicy::kReplica) return nullptr;
  BackendConnection* backend = pool_.Ready(master, master_lane);
  if (backend == nullptr) pool_.Want(master, master_lane);
  return backend;
}

// A replica that does not serve: the map here is not changed by what it believes.
void Dispatcher::RetryRead(BackendConnection& backend, InFlight request, std::string_view reply) {
  counters_.retried.Add();
  if (request.retries < 255) ++request.retries;
  ReplyVerdict verdict = JudgeErrorReply(reply);
  bool is_redirect = verdict == ReplyVerdict::kMoved || verdict == ReplyVerdict::kAsk;
  if (verdict != ReplyVerdict::kRetry) request_refresh_();
  if (is_redirect && request.reads.Policy() != config::ReadPolicy::kReplica) {
    request.lane = request.lane.WithReadonly(false);
  } else {
    reads_.Avoid(pool_.NodeOf(backend), loop_.NowMs() + kAvoidMs);
  }
  AwaitFollowers(backend);
  if (TargetOf(request) != nullptr && !MustWaitInLine(request)) {
    SendAgain(backend.FrontRequest(), request);
  } else {
    Hold(backend.FrontRequest(), request, protocol::ErrorTextOf(reply), BackoffMs(request.retries));
  }
}

bool Dispatcher::LacksReplica(const InFlight& request) const {
  NodeIndex owner = owners_[request.slot];
  return NeedsReplica(request) && owner != kNoNodeIndex && reads_.HasFacts() &&
         reads_.Candidates(owner, request.reads.Policy()).empty();
}

BackendConnection* Dispatcher::TargetOf(const InFlight& request) {
  if (request.lane.IsReadonly()) return ReadTarget(request);
  NodeIndex node = owners_[request.slot];
  return node == kNoNodeIndex ? nullptr : pool_.Ready(node, request.lane);
}

void Dispatcher::HoldUnreachable(std::string_view bytes, InFlight request) {
  MarkHeldBack(request);
  WantOwner(request);
  request_refresh_();
  NodeIndex owner = owners_[request.slot];
  std::string_view error =
      owner != kNoNodeIndex ? kUnreachable : protocol::error_text::kClusterDownUnbound;
  bool is_about_replicas = NeedsReplica(request) && owner != kNoNodeIndex;
  if (is_about_replicas) error = trouble_text::kNoReplica;
  // Trouble is the owner's; a replica's must not be blamed on it.
  if (LacksReplica(request) || (!is_about_replicas && IsTroubleTooOld(request.slot))) {
    Refuse(request, error);
  } else {
    Hold(std::string(bytes), request, error, kHoldTickMs);
  }
}

void Dispatcher::Hold(std::string bytes, InFlight request, std::string_view error,
                      std::uint64_t delay_ms) {
  auto now_ms = static_cast<std::uint32_t>(loop_.NowMs());
  if (request.held_since_ms == 0) request.held_since_ms = std::max(now_ms, 1u);
  if (is_shut_down_) return Refuse(request, kShuttingDown);
  if (settings_.hold.time_max_ms == 0) return Refuse(request, error);
  if (!hold_.HasRoom(bytes.size())) {
    counters_.hold_refused.Add();
    return Refuse(request, kHoldFull);
  }
  counters_.held.Add();
  NoteFate(request, false);
  hold_.Add({request, std::move(bytes), std::string(error), loop_.NowMs() + delay_ms});
  if (!hold_timer_.IsActive()) StartHoldTimer(kHoldTickMs);
}

void Dispatcher::StartHoldTimer(std::uint64_t delay_ms) {
  hold_timer_.Start(delay_ms, kHoldTickMs, [this] { Tick(); });
}

void Dispatcher::WantOwner(const InFlight& request) {
  if (request.lane.IsReadonly()) return;  // ReadTarget() has done so
  NodeIndex node = owners_[request.slot];
  if (node != kNoNodeIndex) pool_.Want(node, request.lane);
}

void Dispatcher::Tick() {
  if (meter_ != nullptr) meter_->Touch();
  std::vector<HoldQueue::Held> expired = hold_.TakeExpired(loop_.NowMs());
  UseEach(expired, [this](const HoldQueue::Held& held) {
    counters_.hold_expired.Add();
    AnswerError(held.request, held.error);
    return true;
  });
  RetryHeld();
  if (hold_.Empty()) {
    hold_timer_.Stop();
    return;
  }
  hold_.ForEach([this](const InFlight& request) {
    WantOwner(request);
    if (!request.lane.IsReadonly()) NoteTrouble(request.slot);
  });
  request_refresh_();
}

void Dispatcher::Release(const HoldQueue::Held& held) {
  if (held.request.kind != InFlight::Kind::kTicket) {
    InFlight request = held.request;
    request.is_awaited = true;
    hold_.Await(request.Client(), request.slot);
    return SendAgain(held.bytes, request);
  }
  if (held.request.is_held_back) held.request.Client().RemoveHeldBack();
  held.request.taker->OnShardReady(held.request.place);
}

void Dispatcher::RetryHeld() {
  std::vector<HoldQueue::Held> due = hold_.TakeDue(loop_.NowMs());
  UseEach(due, [this](const HoldQueue::Held& held) {
    if (TargetOf(held.request) != nullptr) {
      Release(held);
      return true;
    }
    if (LacksReplica(held.request)) {
      AnswerError(held.request, trouble_text::kNoReplica);
      return true;
    }
    WantOwner(held.request);
    return false;
  });
  for (HoldQueue::Held& held : due) {
    // A replica that was avoided is no event.
    bool is_read = held.request.lane.IsReadonly();
    held.due_ms = is_read ? loop_.NowMs() + kAvoidMs / 4 : HoldQueue::kUntilMadeDue;
  }
  hold_.PutBack(std::move(due));
}

std::uint64_t Dispatcher::BackoffMs(std::uint8_t tries) const {
  std::uint64_t backoff_ms = settings_.retry.backoff_ms;
  for (int i = 1; i < tries && backoff_ms < settings_.retry.backoff_max_ms; ++i) backoff_ms *= 2;
  return std::min<std::uint64_t>(backoff_ms, settings_.retry.backoff_max_ms);
}

void Dispatcher::Shutdown() {
  is_shut_down_ = true;
  hold_timer_.Stop();
  stall_timer_.Stop();
  std::vector<HoldQueue::Held> all = hold_.TakeAll();
  UseEach(all, [](const HoldQueue::Held& held) {
    AnswerError(held.request, kShuttingDown);
    return true;
  });
  // First: whoever loses a connection may want the next.
  owners_.Clear();
  slot_of_each_master_.clear();
  pool_.DropAll();
  private_.Shutdown();
}

std::size_t Dispatcher::BufferedBytes() const {
  std::size_t bytes = hold_.Bytes();
  pool_.ForEach([&](NodeIndex, BackendConnection& backend) { bytes += backend.BufferedBytes(); });
  return bytes;
}

std::size_t Dispatcher::InFlightRequests() const {
  std::size_t count = 0;
  pool_.ForEach(
      [&](NodeIndex, BackendConnection& backend) { count += backend.InFlightRequests().Size(); });
  return count;
}

}  // namespace slotway::proxy
