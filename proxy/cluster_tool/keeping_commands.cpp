// SPDX-License-Identifier: Apache-2.0
// keep and leave: a cluster whose nodes are the pods of a StatefulSet has as many as are wanted.
//
// One keeper does all that changes the cluster; a pod that is stopped waits until it has been sent
// away. So two never plan at once, and nobody needs to be told which pods will go: they say so by
// being beyond the number that is wanted.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fmt/core.h>
#include <limits>
#include <thread>
#include <unistd.h>

#include "proxy/cluster_tool/heir_view.h"
#include "proxy/cluster_tool/keep_plan.h"
#include "proxy/cluster_tool/membership.h"
#include "proxy/cluster_tool/placed_nodes.h"
#include "proxy/cluster_tool/pod_scale.h"
#include "proxy/cluster_tool/range_mover.h"
#include "proxy/cluster_tool/reshaping.h"
#include "proxy/cluster_tool/role_plan.h"
#include "proxy/cluster_tool/slot_fixes.h"
#include "proxy/cluster_tool/tool_commands.h"
#include "runtime/clock.h"

namespace slotway::proxy {
namespace {

using runtime::Fail;
using runtime::Result;
using Ids = std::vector<std::string>;

constexpr auto kLeavingPause = std::chrono::milliseconds(500);
constexpr auto kHeirPause = std::chrono::milliseconds(50);
constexpr std::uint64_t kHeirMs = 5'000;      // several times what it takes to be heard
constexpr std::uint64_t kFailoverMs = 6'000;  // a little longer than a node tries by itself

void Pause(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);  // poll: nobody tells when something has changed
}

Result<int> WantedNodes(const ToolOptions& options) {
  if (options.wanted_nodes) return *options.wanted_nodes;
  auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  return AskPodScale({.statefulset = options.statefulset,
                      .account_dir = options.account_dir,
                      .host = variable("KUBERNETES_SERVICE_HOST"),
                      .port = variable("KUBERNETES_SERVICE_PORT")});
}

// Whoever of the named answers first; a name may stand for many, and the next connection goes to
// another one, so the address in digits is kept.
Result<void> OpenAny(ClusterSession& session, const ToolOptions& options) {
  std::string problem;
  for (const std::string& name : options.nodes) {
    protocol::Endpoint endpoint = *protocol::ParseEndpoint(name);
    auto host = NodeClient(endpoint, options.login).NumericHost();
    if (host) endpoint.host = *host;
    auto opened = session.Open(endpoint);
    if (opened) return {};
    problem = opened.error().text;
  }
  return Fail(problem);
}

std::optional<int> OrdinalIn(const ToolOptions& options, const std::string& hostname) {
  return options.statefulset.empty() ? OrdinalOf(hostname) : OrdinalOf(hostname, options.statefulset);
}

// Who is no pod of the set is somebody's mistake, or what the set is to replace.
Result<std::vector<NumberedNode>> NumberedNodes(const ClusterSession& session, const ToolOptions& options) {
  std::vector<NumberedNode> nodes;
  for (const std::string& id : session.Reached()) {
    const protocol::ClusterNode& node = session.View(id).Myself();
    const auto ordinal = OrdinalIn(options, node.hostname);
    if (!ordinal && !options.do_others_leave) {
      return Fail(fmt::format("{} is a member and no numbered pod: nothing is changed", session.NameOf(id)));
    }
    nodes.push_back({.id = id,
                     .ordinal = ordinal.value_or(std::numeric_limits<int>::max()),
                     .master_id = node.is_master ? std::string() : node.master_id,
                     .slots = static_cast<int>(session.SlotsOf(id).size())});
  }
  return nodes;
}

// A pod that lost its disk comes back as somebody else; and one that goes may be killed before it
// was forgotten. Whose place is taken or no more wanted, and who all say has failed, is forgotten.
Result<void> ForgetTheGone(ClusterSession& session, const std::vector<NumberedNode>& present, int wanted,
                           const ToolOptions& options) {
  for (const std::string& id : session.Unreached()) {
    if (!session.SlotsOf(id).empty()) continue;
    std::optional<int> ordinal;
    bool all_agree = true;
    for (const std::string& other : session.Reached()) {
      const protocol::ClusterNode* node = session.View(other).Find(id);
      if (node == nullptr) continue;
      all_agree = all_agree && node->is_failing;
      if (auto known = OrdinalIn(options, node->hostname)) ordinal = known;
    }
    const bool is_replaced = std::any_of(present.begin(), present.end(), [&](const NumberedNode& node) {
      return ordinal && node.ordinal == *ordinal;
    });
    if (!all_agree || !ordinal || (!is_replaced && *ordinal < wanted)) continue;
    if (auto done = Forget(session, id); !done) return done;
  }
  return {};
}

// A node gives up when it has not all of its master's data, or the votes, within five seconds, and
// says so to nobody: it is asked again.
Result<void> Promote(ClusterSession& session, const std::string& id) {
  Say(session.NameOf(id) + " takes over from its master");
  auto asked = session.Client(id).Call({"CLUSTER", "FAILOVER"});
  if (!asked) return tl::unexpected(asked.error());
  std::uint64_t asked_ms = runtime::MonotonicMs();
  return session.WaitUntil(session.NameOf(id) + " has taken over", [&] {
    if (!session.IsReached(id)) return false;
    if (session.View(id).Myself().is_master) return session.Agrees();
    if (runtime::MonotonicMs() - asked_ms >= kFailoverMs) {
      Say(session.NameOf(id) + " is asked again to take over");
      asked_ms = runtime::MonotonicMs();
      // Whatever it answers: when time is up, that is the error.
      (void)session.Client(id).Call({"CLUSTER", "FAILOVER"});
    }
    return false;
  });
}

// One after the other: two elections at once take votes from each other.
Result<void> PromoteAll(ClusterSession& session, const Ids& successors) {
  for (const std::string& id : successors) {
    if (auto done = Promote(session, id); !done) return done;
  }
  LetClientsHear(session);
  return {};
}

// Everybody gets an equal share when somebody new is to have one; else only those who are to have
// none give theirs away, and shares that were chosen by hand stay.
Result<void> PlaceSlots(ClusterSession& session, const KeepPlan& plan, const ToolLogin& login) {
  std::vector<SlotShare> shares;
  bool has_new = false, has_old = false;
  for (const std::string& id : session.Masters()) {
    const bool is_wanted = std::find(plan.masters.begin(), plan.masters.end(), id) != plan.masters.end();
    shares.push_back({id, session.SlotsOf(id), is_wanted ? 1.0 : 0.0});
    if (is_wanted && shares.back().slots.empty()) {
      has_new = true;
      if (auto copied = CopyFunctions(session, plan.masters.front(), id); !copied) return copied;
    }
    has_old = has_old || (!is_wanted && !shares.back().slots.empty());
  }
  if (!has_new && !has_old) return {};
  auto moved = MoveSlots(session, has_new ? PlanMoves(shares) : PlanDrain(shares), login);
  if (moved && has_old) LetClientsHear(session);
  return moved;
}

// Who stays and has no slots follows somebody who has.
Result<void> PlaceReplicas(ClusterSession& session, const KeepPlan& plan) {
  Ids staying = session.Reached();
  std::erase_if(staying, [&](const std::string& id) {
    return std::find(plan.leaving.begin(), plan.leaving.end(), id) != plan.leaving.end();
  });
  const std::vector<PlacedNode> nodes = PlacedNodes(session, staying);
  std::vector<std::size_t> masters;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].has_slots) masters.push_back(i);
  }
  for (const Following& change : PlanReplicas(nodes, masters, plan.replicas)) {
    if (auto done = Replicate(session, change.replica, change.master); !done) return done;
  }
  session.Discover();
  return {};
}

// Replicas before their masters: who follows somebody refuses to forget it.
Result<void> SendAway(ClusterSession& session, Ids leaving) {
  std::stable_partition(leaving.begin(), leaving.end(), [&](const std::string& id) {
    return !session.View(id).Myself().is_master;
  });
  for (const std::string& id : leaving) {
    if (auto done = Forget(session, id); !done) return done;
  }
  return {};
}

// One look, and what it takes. Waits for nodes that are still to come.
Result<void> KeepOnce(const ToolOptions& options) {
  auto wanted = WantedNodes(options);
  if (!wanted) return tl::unexpected(wanted.error());
  if (*wanted == 0) return {};  // all of them go: nobody is left to take anything
  ClusterSession session(options.login, options.wait_ms);
  if (auto opened = OpenAny(session, options); !opened) return opened;
  session.Discover();
  if (auto waited = RangeMover(session).WaitForAll(); !waited) return waited;
  session.Discover();
  if (!session.Merged().CoversAllSlots()) return {};  // shards form a cluster, or fail over, by themselves
  auto nodes = NumberedNodes(session, options);
  if (!nodes) return tl::unexpected(nodes.error());
  if (auto done = ForgetTheGone(session, *nodes, *wanted, options); !done) return done;
  const auto staying = std::count_if(nodes->begin(), nodes->end(),
                                     [&](const NumberedNode& node) { return node.ordinal < *wanted; });
  if (staying != *wanted || !session.Agrees()) return {};
  SlotMover mover(session, options.login);
  if (auto fixed = FixSlots(session, mover); !fixed) return tl::unexpected(fixed.error());
  const KeepPlan plan = PlanKeeping(*nodes, *wanted, options.replicas.value_or(0));
  if (!plan.successors.empty()) return PromoteAll(session, plan.successors);
  if (plan.masters.empty()) return Fail("no node can be a master");
  if (auto placed = PlaceSlots(session, plan, options.login); !placed) return placed;
  if (auto placed = PlaceReplicas(session, plan); !placed) return placed;
  return SendAway(session, plan.leaving);
}

// A master that is stopped hands over by itself to a replica of which it knows that it has data.
Result<void> AwaitHeir(NodeClient& node) {
  auto id = node.Call({"CLUSTER", "MYID"});
  if (!id) return tl::unexpected(id.error());
  const std::uint64_t ends_ms = runtime::MonotonicMs() + kHeirMs;
  while (runtime::MonotonicMs() < ends_ms) {
    auto shards = node.Call({"CLUSTER", "SHARDS"});
    if (!shards) return tl::unexpected(shards.error());
    if (ReadHeir(*shards, id->text) != HeirView::kUnheard) return {};
    Pause(kHeirPause);
  }
  return {};
}

}  // namespace

Result<void> KeepCluster(ClusterSession&, const ToolOptions& options) {
  std::string told;
  while (true) {
    auto done = KeepOnce(options);
    std::string problem = done ? std::string() : done.error().text;
    if (problem != told) Say(problem.empty() ? "all is well again" : "not yet: " + problem);
    told = std::move(problem);
    if (options.is_once) return done;
    Pause(std::chrono::milliseconds(options.every_ms));
  }
}

Result<void> LeaveCluster(ClusterSession&, const ToolOptions& options) {
  NodeClient node(*protocol::ParseEndpoint(options.nodes[0]), options.login);
  if (options.statefulset.empty()) return AwaitHeir(node);
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return Fail("this host has no name");
  const auto ordinal = OrdinalOf(options.hostname.empty() ? name : options.hostname, options.statefulset);
  if (!ordinal) return Fail(fmt::format("{} is no pod of {}", name, options.statefulset));
  const std::uint64_t ends_ms = runtime::MonotonicMs() + options.wait_ms;
  bool is_told = false;
  while (runtime::MonotonicMs() < ends_ms) {
    auto wanted = WantedNodes(options);
    if (!wanted) Say("does not know whether it is to come back: " + wanted.error().text);
    if (!wanted || *ordinal < *wanted || *wanted == 0) return AwaitHeir(node);  // comes back, or all go
    auto reply = node.Call({"CLUSTER", "NODES"});
    if (!reply) return tl::unexpected(reply.error());
    auto view = ParseNodeView(reply->text, node.Endpoint());
    if (!view) return tl::unexpected(view.error());
    if (view->IsAlone() && view->CountSlotsOf(view->my_id) == 0) return {};
    if (!std::exchange(is_told, true)) Say("waits until it has been sent away");
    Pause(kLeavingPause);
  }
  return Fail("nobody has sent this node away in time");
}

}  // namespace slotway::proxy
