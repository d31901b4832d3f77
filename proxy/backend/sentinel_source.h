// SPDX-License-Identifier: Apache-2.0
// The topology of a master and its replicas that sentinels watch.
//
// A round asks the sentinels, the seeds and those they told of, who is master; the view with the
// highest config epoch counts. Then the master and the replicas are asked their roles: only who
// says itself that it is the master is published as one. Between rounds the sentinels' own
// announcements of a failover are listened to. While a replica is being promoted nobody is
// published as master: what the old one would still take would be lost.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/sentinel_reply.h"
#include "proxy/backend/role_survey.h"
#include "proxy/backend/sentinel_watch.h"
#include "proxy/backend/topology_source.h"

namespace slotway::proxy {

class SentinelSource final : public TopologySource {
 public:
  // `refresh` is called when a sentinel announces a failover.
  SentinelSource(runtime::EventLoop& loop, const config::BackendConfig& settings,
                 std::function<void()> refresh);

  void Ask(const protocol::Topology* known, OnTopology on_topology) override;

 private:
  std::string Take(const NodeSurvey::Answer& answer);
  bool HaveMostAnswered() const { return 2 * views_.size() > sentinels_.size(); }
  void LearnSentinels();
  void WatchSentinels();
  void Hear(protocol::FailoverNews news);
  bool IsBeingReplaced() const;
  void AskRoles();
  void PublishNoMaster();
  void End();
  void Fail(std::string reason);

  runtime::EventLoop& loop_;
  const config::BackendConfig& settings_;
  std::function<void()> refresh_;
  NodeSurvey sentinel_survey_;
  RoleSurvey role_survey_;
  OnTopology on_topology_;
  std::vector<protocol::Endpoint> sentinels_;  // numeric: those that answered or were told of
  std::vector<protocol::Endpoint> answered_;   // in this round
  std::vector<protocol::SentinelView> views_;
  protocol::SentinelView chosen_;
  std::uint64_t epoch_known_ = 0;
  std::optional<protocol::Topology> published_;  // the last one with a master
  std::uint64_t promotion_ends_ms_ = 0;          // at the latest; 0: none is under way
  std::vector<std::unique_ptr<SentinelWatch>> watches_;
  runtime::Timer care_timer_;
};

}  // namespace slotway::proxy
