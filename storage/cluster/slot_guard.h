// SPDX-License-Identifier: Apache-2.0
// Decides, for a request's keys, whether this node serves it or where it must go.
//
// The caller's happy path is one array lookup and needs no call into here:
//   if (one slot && state.ServesDirectly(slot)) serve;
//   else JudgeRequest(...)
// The rules and their order are those of Redis Cluster 7.2 (a slot on the move: ASK for keys that
// left, TRYAGAIN when only some are here). Pure; engine thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/slot.h"
#include "storage/cluster/cluster_state.h"

namespace slotway::storage::cluster {

enum class Verdict : std::uint8_t {
  kServe,
  kMoved,          // to Judgement::target
  kAsk,            // to Judgement::target
  kCrossSlot,      // keys of several slots
  kTryAgain,       // some keys are here, some are elsewhere
  kUnbound,        // nobody owns the slot
  kDown,           // the cluster is down
  kDownOnlyReads,  // it is down, and this is not a read
};

// A request, or a whole transaction at EXEC: then the keys of all its commands, and is_write if
// any of them writes.
struct GuardedRequest {
  std::span<const std::string_view> keys = {};
  bool is_write = false;
  bool is_shard_pubsub = false;     // SSUBSCRIBE, SUNSUBSCRIBE, SPUBLISH: "keys" are channels
  bool is_migrate = false;          // MIGRATE works on open slots wherever the keys are
  bool is_asking = false;           // ASKING came just before, or the command implies it
  bool is_readonly_client = false;  // READONLY was sent, and there is something to read
};

struct Judgement {
  Verdict verdict = Verdict::kServe;
  protocol::Slot slot{0};
  NodeIndex target = kNoNode;
};

// Tells whether a key is here now, without touching it (no expiry, no LRU, no notification). Asked
// only for slots on the move.
using KeyIsHere = std::function<bool(std::string_view key)>;

// A request without keys is served.
Judgement JudgeRequest(const ClusterState& state, const GuardedRequest& request,
                       const KeyIsHere& key_is_here);

// How addresses are shown to clients (cluster-preferred-endpoint-type).
enum class EndpointKind : std::uint8_t { kIp, kHostname, kUnknown };

struct EndpointView {
  EndpointView(EndpointKind shown = EndpointKind::kIp, bool wants_other_port = false)
      : kind(shown), is_other_port(wants_other_port) {}
  EndpointKind kind;
  bool is_other_port;  // the client came in by the port of the other kind: ClusterNode::other_port
};

// The error of any verdict but kServe, without '-': "MOVED 3999 127.0.0.1:6381".
std::string ErrorOf(const ClusterState& state, const Judgement& judgement,
                    EndpointView view = {});

// What clients are told to connect to: the ip, the hostname ("?" if it has none), or nothing.
std::string_view PreferredEndpoint(const ClusterNode& node, EndpointKind kind);
// And to which port. A node without such a port is shown with the one that it has.
std::uint16_t PortFor(const ClusterNode& node, EndpointView view);

}  // namespace slotway::storage::cluster
