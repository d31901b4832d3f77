// SPDX-License-Identifier: Apache-2.0
#include "storage/server/shutdown.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/log.h"
#include "storage/commands/persistence_host.h"
#include "storage/commands/replication_host.h"

namespace slotway::storage {
namespace {

// A deposed master goes when it has redirected nobody for so long: who was not told by then has
// learnt it elsewhere. It does not stay for longer than the other time.
constexpr std::int64_t kQuietMs = 300;
constexpr std::int64_t kRedirectingMsMax = 3000;
// Several times what it takes until the bus has heard of a replica that came back.
constexpr std::int64_t kHeirMs = 3000;

}  // namespace

std::optional<std::string> Shutdown::Begin(const ShutdownRequest& request) {
  if (stage_ != Stage::kNone) return std::nullopt;
  request_ = request;
  if (server_.persistence.loading.is_loading) {
    request_.saves = false;
    request_.is_nosave = true;
  }
  if (!server_.busy_error.empty() && !request_.is_nosave) {
    runtime::LogInfo("asked to shut down: a script is to come to its end first");
    stage_ = Stage::kAwaitingScript;
    hooks_.end_reading_script();
    return std::nullopt;
  }
  runtime::LogInfo("shutting down");
  const std::int64_t timeout_ms = server_.Config().shutdown_timeout_s * 1000;
  if (request_.is_now || timeout_ms == 0) return Finish();
  deadline_ms_ = server_.now_ms + timeout_ms;
  if (HandOver()) return std::nullopt;
  if (hooks_.expects_heir()) {
    runtime::LogInfo("waiting for a replica to be heard of before shutting down");
    stage_ = Stage::kAwaitingHeir;
    heir_until_ms_ = std::min(deadline_ms_, server_.now_ms + kHeirMs);
    server_.persistence.shutdown_at_ms = deadline_ms_;
    return std::nullopt;
  }
  return AwaitReplicas();
}

bool Shutdown::HandOver() {
  if (!hooks_.hand_over(deadline_ms_ - server_.now_ms)) return false;
  stage_ = Stage::kHandingOver;
  server_.persistence.shutdown_at_ms = deadline_ms_;
  return true;
}

void Shutdown::LookForHeir() {
  if (HandOver()) return;
  if (server_.now_ms >= heir_until_ms_ || !hooks_.expects_heir()) AwaitReplicas();
}

bool Shutdown::Abort() {
  if (!IsOn()) return false;
  runtime::LogInfo("the shutdown is aborted");
  Cancel();
  return true;
}

void Shutdown::Look() {
  if (!server_.busy_error.empty()) return;
  switch (stage_) {
    case Stage::kNone:
    case Stage::kEnded:
      return;
    case Stage::kAwaitingScript:
      stage_ = Stage::kNone;
      Begin(ShutdownRequest(request_));
      return;
    case Stage::kAwaitingHeir:
      return LookForHeir();
    case Stage::kHandingOver:
      if (server_.replication.is_replica) {
        stage_ = Stage::kRedirecting;
        redirects_ = Redirects();
        redirects_since_ms_ = redirected_ms_ = server_.now_ms;
      } else if (!hooks_.is_handing_over()) {
        stage_ = Stage::kNone;
        AwaitReplicas();
      }
      return;
    case Stage::kRedirecting:
      return LookAtClients();
    case Stage::kWaiting:
      if (server_.now_ms >= deadline_ms_ || HaveReplicasAll()) Finish();
      return;
  }
}

void Shutdown::LookAtClients() {
  if (std::exchange(redirects_, Redirects()) != redirects_) redirected_ms_ = server_.now_ms;
  const bool is_quiet = server_.now_ms - redirected_ms_ >= kQuietMs;
  const bool is_late = server_.now_ms - redirects_since_ms_ >= kRedirectingMsMax;
  if (is_quiet || is_late || server_.now_ms >= deadline_ms_) Finish();
}

std::uint64_t Shutdown::Redirects() const {
  const auto found = server_.stats.errors_by_code.find("MOVED");
  return found == server_.stats.errors_by_code.end() ? 0 : found->second;
}

// ---- Replicas ----

std::optional<std::string> Shutdown::AwaitReplicas() {
  offset_ = server_.replication.history.offset;
  if (server_.now_ms >= deadline_ms_ || HaveReplicasAll()) return Finish();
  runtime::LogInfo("waiting for replicas before shutting down");
  stage_ = Stage::kWaiting;
  server_.persistence.shutdown_at_ms = deadline_ms_;
  server_.replication_host->AskReplicas();
  PauseWrites();
  return std::nullopt;
}

bool Shutdown::HaveReplicasAll() const {
  const std::vector<ReplicaFacts>& replicas = server_.replication.replicas;
  return std::all_of(replicas.begin(), replicas.end(), [this](const ReplicaFacts& replica) {
    return replica.acknowledged >= offset_;
  });
}

void Shutdown::PauseWrites() {
  has_paused_ = true;
  paused_until_ms_ = server_.paused_until_ms;
  paused_writes_only_ = server_.pauses_writes_only;
  const bool is_on = server_.paused_until_ms > server_.now_ms;
  server_.pauses_writes_only = !is_on || server_.pauses_writes_only;
  server_.paused_until_ms = std::numeric_limits<std::int64_t>::max();
  server_.ApplyExpiryMode();
}

void Shutdown::EndPause() {
  if (!std::exchange(has_paused_, false)) return;
  if (paused_until_ms_ <= server_.now_ms) return server_.unpause();
  server_.paused_until_ms = paused_until_ms_;
  server_.pauses_writes_only = paused_writes_only_;
  server_.ApplyExpiryMode();
}

// ---- The end ----

// Who reads the log afterwards can tell what was lost, if one of them takes over.
void Shutdown::LogReplicas() const {
  const std::vector<ReplicaFacts>& replicas = server_.replication.replicas;
  if (server_.replication.is_replica || replicas.empty()) return;
  std::size_t complete = 0;
  for (const ReplicaFacts& replica : replicas) {
    const std::int64_t behind = server_.replication.history.offset - replica.acknowledged;
    if (behind <= 0) {
      ++complete;
    } else {
      runtime::LogWarning("replica {}:{} has not acknowledged the last {} bytes of the stream",
                          replica.host, replica.port, behind);
    }
  }
  runtime::LogInfo("{} of {} replicas have acknowledged everything", complete, replicas.size());
}

std::optional<std::string> Shutdown::Finish() {
  LogReplicas();
  const auto error = server_.persistence_host->ShutDown(request_);
  if (error) {
    runtime::LogWarning("still running: the data cannot be saved");
    Cancel();
    return error;
  }
  // This turn of the loop has clients yet, whose replies leave with its end: nothing runs for them
  // any more, for it would be confirmed and is in no file.
  stage_ = Stage::kEnded;
  server_.pauses_writes_only = false;
  server_.paused_until_ms = std::numeric_limits<std::int64_t>::max();
  return std::nullopt;
}

void Shutdown::Cancel() {
  stage_ = Stage::kNone;
  server_.persistence.shutdown_at_ms = 0;
  EndPause();
  for (ClientState* client : server_.waiters.Clients()) {
    if (server_.waiters.RequestOf(*client)->spec == protocol::FindCommand("shutdown")) {
      server_.end_waiting(*client, kShutdownFailed);
    }
  }
}

}  // namespace slotway::storage
