// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/membership.h"

#include <algorithm>
#include <fmt/core.h>

#include "proxy/cluster_tool/cluster_health.h"
#include "proxy/cluster_tool/placed_nodes.h"
#include "proxy/cluster_tool/role_plan.h"

namespace slotway::proxy {
namespace {

using protocol::RespValue;
using runtime::Fail;
using runtime::Result;

constexpr int kBusPortOffset = 10000;

bool KnowsAll(const NodeView& view, const std::vector<std::string>& ids) {
  return std::all_of(ids.begin(), ids.end(),
                     [&](const std::string& id) { return view.Find(id) != nullptr; });
}

Result<void> Introduce(ClusterSession& session, const std::string& hub, const std::string& other) {
  Result<std::string> host = session.Client(other).NumericHost();
  if (!host) return tl::unexpected(host.error());
  const protocol::ClusterNode& node = session.View(other).Myself();
  NodeRequest request = {"CLUSTER", "MEET", *host, std::to_string(node.endpoint.port)};
  if (node.bus_port != node.endpoint.port + kBusPortOffset) {
    request.push_back(std::to_string(node.bus_port));
  }
  Say(fmt::format("{} meets {}", session.NameOf(hub), session.NameOf(other)));
  auto met = session.Client(hub).Call(request);
  if (!met) return tl::unexpected(met.error());
  return {};
}

}  // namespace

Result<void> CheckOnlyThese(ClusterSession& session, const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    const NodeView& view = session.View(id);
    for (const protocol::ClusterNode& node : view.topology.nodes) {
      if (std::find(ids.begin(), ids.end(), node.id) != ids.end()) continue;
      return Fail(fmt::format("{} belongs to a cluster with {}:{}, which was not named",
                              session.NameOf(id), node.endpoint.host, node.endpoint.port));
    }
    if (!view.IsAlone() || view.CountSlotsOf(id) != 0) continue;
    Result<RespValue> size = session.Client(id).Call({"DBSIZE"});
    if (!size) return tl::unexpected(size.error());
    if (size->integer != 0) {
      return Fail(fmt::format("{} holds {} keys and no slots: a new node has to be empty",
                              session.NameOf(id), size->integer));
    }
  }
  return {};
}

Result<void> CheckOneCluster(const ClusterSession& session) {
  const std::vector<std::string> ids = session.Reached();
  for (const std::string& a : ids) {
    for (const std::string& b : ids) {
      const bool are_strangers =
          a < b && session.View(a).Find(b) == nullptr && session.View(b).Find(a) == nullptr;
      if (!are_strangers) continue;
      for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
        const auto* owner_a = session.View(a).topology.OwnerOf(protocol::Slot(slot));
        const auto* owner_b = session.View(b).topology.OwnerOf(protocol::Slot(slot));
        if (owner_a == nullptr || owner_b == nullptr || owner_a->id == owner_b->id) continue;
        return Fail(
            fmt::format("{} and {} belong to different clusters: slot {} has an owner in each",
                        session.NameOf(a), session.NameOf(b), slot));
      }
    }
  }
  return {};
}

void NumberEpochs(ClusterSession& session, const std::vector<std::string>& ids) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const NodeView& view = session.View(ids[i]);
    if (!view.IsAlone() || view.Myself().config_epoch != 0) continue;
    // Where it does not work, nodes agree on epochs among themselves, a little later.
    (void)session.Client(ids[i]).Ask({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
  }
}

Result<int> MeetAll(ClusterSession& session, const std::vector<std::string>& ids) {
  int met = 0;
  const std::string& hub = ids.front();
  for (const std::string& other : ids) {
    if (session.View(hub).Find(other) != nullptr) continue;
    if (auto done = Introduce(session, hub, other); !done) return tl::unexpected(done.error());
    ++met;
  }
  auto agreed = session.WaitUntil("all nodes know each other", [&] {
    const std::vector<std::string> reached = session.Reached();
    return session.Agrees() && std::all_of(reached.begin(), reached.end(), [&](const auto& id) {
             return KnowsAll(session.View(id), ids);
           });
  });
  if (!agreed) return tl::unexpected(agreed.error());
  return met;
}

Result<RespValue> AskOnceLoaded(ClusterSession& session, const std::string& node,
                                const NodeRequest& request) {
  Result<RespValue> reply = RespValue();
  auto is_loaded = session.WaitUntil(session.NameOf(node) + " has loaded its data", [&] {
    reply = session.Client(node).Ask(request);
    return !reply || !reply->IsError() || !reply->text.starts_with("LOADING ");
  });
  if (!is_loaded) return tl::unexpected(is_loaded.error());
  return reply;
}

Result<void> Replicate(ClusterSession& session, const std::string& replica,
                       const std::string& master) {
  Say(fmt::format("{} follows {}", session.NameOf(replica), session.NameOf(master)));
  auto reply = AskOnceLoaded(session, replica, {"CLUSTER", "REPLICATE", master});
  if (!reply) return tl::unexpected(reply.error());
  if (reply->IsError()) return Fail(session.NameOf(replica) + ": REPLICATE: " + reply->text);
  return {};
}

Result<int> AttachReplicas(ClusterSession& session, std::size_t masters, std::size_t replicas) {
  const std::vector<PlacedNode> nodes = PlacedNodes(session, session.Reached());
  const auto changes = PlanReplicas(nodes, ChooseMasters(nodes, masters), replicas);
  for (const Following& change : changes) {
    auto done = Replicate(session, change.replica, change.master);
    if (!done) return tl::unexpected(done.error());
  }
  return static_cast<int>(changes.size());
}

Result<void> WaitUntilWell(ClusterSession& session) {
  std::vector<std::string> problems;
  auto well = session.WaitUntil("the cluster is well", [&] {
    problems = FindProblems(session, std::nullopt);
    return problems.empty();
  });
  if (well || problems.empty()) return well;
  return Fail(well.error().text + ": " + problems.front());
}

}  // namespace slotway::proxy
