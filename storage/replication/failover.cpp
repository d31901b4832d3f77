// SPDX-License-Identifier: Apache-2.0
#include "storage/replication/failover.h"

#include <algorithm>
#include <limits>

#include "runtime/log.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kOnline = "online";

}  // namespace

std::optional<std::string> Failover::Begin(const FailoverRequest& request) {
  const ReplicationFacts& facts = server_.replication;
  if (facts.is_replica) return "ERR FAILOVER is not valid when server is a replica.";
  if (stage_ != Stage::kNone) return "ERR FAILOVER already in progress.";
  if (facts.replicas.empty()) return "ERR FAILOVER requires connected replicas.";
  if (request.is_forced && (request.timeout_ms == 0 || request.host.empty())) {
    return "ERR FAILOVER with force option requires both a timeout and target HOST and IP.";
  }
  if (!request.host.empty()) {
    const auto is_target = [&](const ReplicaFacts& replica) {
      return replica.host == request.host && replica.port == request.port;
    };
    const auto target = std::find_if(facts.replicas.begin(), facts.replicas.end(), is_target);
    if (target == facts.replicas.end()) {
      return "ERR FAILOVER target HOST and PORT is not a replica.";
    }
    if (target->state != kOnline) return "ERR FAILOVER target replica is not online.";
  }
  request_ = request;
  deadline_ms_ = request.timeout_ms != 0 ? server_.now_ms + request.timeout_ms : 0;
  server_.paused_until_ms = std::numeric_limits<std::int64_t>::max();
  server_.pauses_writes_only = true;
  server_.ApplyExpiryMode();
  SetStage(Stage::kWaiting);
  server_.replication_host->AskReplicas();
  Look();
  return std::nullopt;
}

std::optional<std::string> Failover::Abort() {
  if (stage_ == Stage::kNone) return "ERR No failover in progress.";
  OnRefused();
  return std::nullopt;
}

void Failover::Look() {
  if (stage_ != Stage::kWaiting) return;
  const bool is_late = deadline_ms_ != 0 && server_.now_ms >= deadline_ms_;
  for (const ReplicaFacts& replica : server_.replication.replicas) {
    const bool is_target =
        request_.host.empty() || (replica.host == request_.host && replica.port == request_.port);
    if (!is_target || replica.state != kOnline) continue;
    const bool has_all = replica.acknowledged >= server_.replication.history.offset;
    if (has_all) return HandOver(replica);
    if (is_late && request_.is_forced) {
      runtime::LogWarning("FAILOVER: time out exceeded, failing over.");
      return HandOver(replica);
    }
  }
  if (is_late) {
    runtime::LogWarning("FAILOVER: no replica had the whole stream in time");
    End();
  }
}

void Failover::HandOver(const ReplicaFacts& replica) {
  runtime::LogInfo("FAILOVER: hands over to {}:{}", replica.host, replica.port);
  SetStage(Stage::kHandingOver);
  hooks_.hand_over(std::string(replica.host), replica.port);
}

void Failover::OnRefused() {
  const bool was_handing_over = stage_ == Stage::kHandingOver;
  if (was_handing_over) hooks_.take_back();
  End();
}

void Failover::End() {
  if (stage_ == Stage::kNone) return;
  SetStage(Stage::kNone);
  server_.unpause();
}

void Failover::SetStage(Stage stage) {
  stage_ = stage;
  server_.replication.failover_state = stage == Stage::kNone      ? "no-failover"
                                       : stage == Stage::kWaiting ? "waiting-for-sync"
                                                                  : "failover-in-progress";
}

}  // namespace slotway::storage
