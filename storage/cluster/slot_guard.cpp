// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/slot_guard.h"

#include <algorithm>

#include "protocol/error_text.h"

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;

// How many of the request's keys are here.
struct Presence {
  bool any_here = false;
  bool any_missing = false;
};

Presence LookForKeys(std::span<const std::string_view> keys, const KeyIsHere& key_is_here) {
  Presence presence;
  for (std::string_view key : keys) {
    (key_is_here(key) ? presence.any_here : presence.any_missing) = true;
  }
  return presence;
}

// What a cluster that is down still answers.
Verdict JudgeWhenDown(const ClusterPolicy& policy, const GuardedRequest& request) {
  if (request.is_shard_pubsub) {
    return policy.allow_pubsubshard_when_down ? Verdict::kServe : Verdict::kDown;
  }
  if (!policy.allow_reads_when_down) return Verdict::kDown;
  return request.is_write ? Verdict::kDownOnlyReads : Verdict::kServe;
}

bool AreOneKey(std::span<const std::string_view> keys) {
  return std::all_of(keys.begin(), keys.end(),
                     [&](std::string_view key) { return key == keys.front(); });
}

// Whether a replica answers for its master.
bool ReplicaServes(const ClusterState& state, const GuardedRequest& request, NodeIndex owner) {
  if (!state.Myself().IsReplica() || state.Myself().master != owner || request.is_write) {
    return false;
  }
  return request.is_shard_pubsub || request.is_readonly_client;
}

}  // namespace

Judgement JudgeRequest(const ClusterState& state, const GuardedRequest& request,
                       const KeyIsHere& key_is_here) {
  if (request.keys.empty()) return {};
  Judgement judgement;
  Slot slot = judgement.slot = protocol::SlotOfKey(request.keys.front());
  auto decide = [&](Verdict verdict, NodeIndex target = kNoNode) {
    judgement.verdict = verdict;
    judgement.target = target;
    return judgement;
  };

  NodeIndex owner = state.OwnerOf(slot);
  if (owner == kNoNode) return decide(Verdict::kUnbound);
  for (std::string_view key : request.keys.subspan(1)) {
    if (protocol::SlotOfKey(key) != slot) return decide(Verdict::kCrossSlot);
  }
  if (!state.IsUp()) {
    Verdict verdict = JudgeWhenDown(state.Policy(), request);
    if (verdict != Verdict::kServe) return decide(verdict);
  }

  bool is_mine = owner == state.MyIndex();
  NodeIndex leaving_to = is_mine ? state.MigratingTo(slot) : kNoNode;
  bool is_leaving = leaving_to != kNoNode;
  // A replica knows what comes to its master, and takes nothing itself.
  bool is_arriving =
      !is_leaving && state.Myself().IsMaster() && state.ImportingFrom(slot) != kNoNode;
  if (is_leaving || is_arriving) {
    if (request.is_migrate) return decide(Verdict::kServe);
    // Channels have no place: they never count as missing.
    Presence presence;
    if (!request.is_shard_pubsub) presence = LookForKeys(request.keys, key_is_here);
    if (is_leaving && presence.any_missing) {
      return presence.any_here ? decide(Verdict::kTryAgain) : decide(Verdict::kAsk, leaving_to);
    }
    if (is_arriving && request.is_asking) {
      bool is_torn = presence.any_missing && !AreOneKey(request.keys);
      return decide(is_torn ? Verdict::kTryAgain : Verdict::kServe);
    }
  }

  if (is_mine || ReplicaServes(state, request, owner)) return decide(Verdict::kServe);
  return decide(Verdict::kMoved, owner);
}

std::string_view PreferredEndpoint(const ClusterNode& node, EndpointKind kind) {
  switch (kind) {
    case EndpointKind::kIp:
      return node.ip;
    case EndpointKind::kHostname:
      return node.hostname.empty() ? std::string_view("?") : std::string_view(node.hostname);
    case EndpointKind::kUnknown:
      break;
  }
  return {};
}

std::uint16_t PortFor(const ClusterNode& node, EndpointView view) {
  return view.is_other_port && node.other_port != 0 ? node.other_port : node.port;
}

std::string ErrorOf(const ClusterState& state, const Judgement& judgement,
                    EndpointView view) {
  namespace error_text = protocol::error_text;
  switch (judgement.verdict) {
    case Verdict::kServe:
      break;
    case Verdict::kMoved:
    case Verdict::kAsk: {
      const ClusterNode& target = state.Node(judgement.target);
      std::string text = judgement.verdict == Verdict::kAsk ? "ASK " : "MOVED ";
      text += std::to_string(protocol::ToInt(judgement.slot));
      text += ' ';
      text += PreferredEndpoint(target, view.kind);
      text += ':';
      text += std::to_string(PortFor(target, view));
      return text;
    }
    case Verdict::kCrossSlot:
      return std::string(error_text::kCrossSlot);
    case Verdict::kTryAgain:
      return std::string(error_text::kTryAgain);
    case Verdict::kUnbound:
      return std::string(error_text::kClusterDownUnbound);
    case Verdict::kDown:
      return std::string(error_text::kClusterDown);
    case Verdict::kDownOnlyReads:
      return "CLUSTERDOWN The cluster is down and only accepts read commands";
  }
  return {};
}

}  // namespace slotway::storage::cluster
