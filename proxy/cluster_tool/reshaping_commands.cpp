// SPDX-License-Identifier: Apache-2.0
// add, remove and rebalance.
#include <algorithm>
#include <fmt/core.h>

#include "proxy/cluster_tool/cluster_health.h"
#include "proxy/cluster_tool/membership.h"
#include "proxy/cluster_tool/placed_nodes.h"
#include "proxy/cluster_tool/range_mover.h"
#include "proxy/cluster_tool/reshaping.h"
#include "proxy/cluster_tool/tool_commands.h"

namespace slotway::proxy {
namespace {

using protocol::RespValue;
using runtime::Fail;
using runtime::Result;
using Ids = std::vector<std::string>;

bool Holds(const Ids& ids, const std::string& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// The node that the command line names first, and through it the cluster.
Result<std::string> OpenCluster(ClusterSession& session, const ToolOptions& options) {
  Result<std::string> hub = session.Open(*protocol::ParseEndpoint(options.nodes[0]));
  if (!hub) return hub;
  session.Discover();
  // What an interrupted run has begun changes what is to be planned.
  if (auto waited = RangeMover(session).WaitForAll(); !waited) return tl::unexpected(waited.error());
  session.Discover();
  return hub;
}

// Slots on the move are finished by converge first: two plans at once would undo each other.
Result<void> CheckNoneOpen(const ClusterSession& session) {
  for (const std::string& id : session.Reached()) {
    const NodeView& view = session.View(id);
    if (view.migrating_to.empty() && view.importing_from.empty()) continue;
    return Fail(session.NameOf(id) + " has slots on the move: run slotway cluster converge first");
  }
  return {};
}

bool KnowsAnyOf(const NodeView& view, const Ids& ids) {
  return std::any_of(ids.begin(), ids.end(),
                     [&](const std::string& id) { return view.Find(id) != nullptr; });
}

// The id of a node that is to come in; an error if it cannot.
Result<std::string> OpenNew(ClusterSession& session, const Ids& members, const std::string& name) {
  if (std::string id = session.Named(name); !id.empty() && Holds(members, id)) return id;
  Result<std::string> id = session.Open(*protocol::ParseEndpoint(name));
  if (!id || Holds(members, *id)) return id;
  const NodeView& view = session.View(*id);
  const bool is_half_in = KnowsAnyOf(view, members);
  if (!view.IsAlone() && !is_half_in && view.topology.nodes.size() > 1) {
    return Fail(name + " belongs to another cluster");
  }
  if (view.CountSlotsOf(*id) != 0) return Fail(name + " has slots already");
  Result<RespValue> size = session.Client(*id).Call({"DBSIZE"});
  if (!size) return tl::unexpected(size.error());
  if (size->integer != 0 && view.Myself().is_master) {
    return Fail(fmt::format("{} holds {} keys: a new node has to be empty", name, size->integer));
  }
  return id;
}

// Of each name the id: a member's, or of one that was left half out by an earlier run. Names that
// mean nobody any more are left out.
Result<Ids> FindGone(ClusterSession& session, const Ids& members, const ToolOptions& options) {
  Ids gone;
  for (std::size_t i = 1; i < options.nodes.size(); ++i) {
    const std::string& name = options.nodes[i];
    std::string id = session.Named(name);
    if (id.empty()) {
      const auto endpoint = protocol::ParseEndpoint(name);
      if (!endpoint) return Fail("no node has the id " + name);
      Result<std::string> opened = session.Open(*endpoint);
      if (!opened) return tl::unexpected(opened.error());
      id = *opened;
      const NodeView& view = session.View(id);
      const bool is_alone = view.IsAlone();
      if (!is_alone && (!KnowsAnyOf(view, members) || view.CountSlotsOf(id) != 0)) {
        return Fail(name + " belongs to another cluster");
      }
      if (is_alone) {
        Say(name + " is no member");
        session.Exclude(id);
        continue;
      }
    }
    if (!Holds(gone, id)) gone.push_back(id);
  }
  return gone;
}

Result<void> EmptyMasters(ClusterSession& session, const Ids& gone, const ToolLogin& login) {
  std::vector<SlotShare> shares;
  bool has_heir = false;
  for (const std::string& id : session.Masters()) {
    const bool stays = !Holds(gone, id);
    has_heir = has_heir || stays;
    shares.push_back({id, session.SlotsOf(id), stays ? 1.0 : 0.0});
  }
  if (!has_heir) return Fail("no master would be left");
  for (const std::string& id : gone) {
    if (!session.IsReached(id) && !session.SlotsOf(id).empty()) {
      return Fail("owns slots and cannot be reached: " + session.ProblemOf(id));
    }
  }
  const std::vector<SlotMove> moves = PlanDrain(shares);
  if (auto moved = MoveSlots(session, moves, login); !moved) return moved;
  if (moves.empty()) return {};
  LetClientsHear(session);
  return {};
}

// Replicas of those that go and stay themselves get another master.
Result<void> Adopt(ClusterSession& session, const Ids& gone) {
  Ids staying = session.Reached();
  std::erase_if(staying, [&](const std::string& id) { return Holds(gone, id); });
  for (const std::string& id : staying) {
    const protocol::ClusterNode& node = session.View(id).Myself();
    if (node.is_master || !Holds(gone, node.master_id)) continue;
    std::string heir;
    for (const std::string& master : session.Masters()) {
      if (Holds(gone, master) || session.SlotsOf(master).empty()) continue;
      const bool is_better =
          heir.empty() || session.ReplicasOf(master).size() < session.ReplicasOf(heir).size();
      if (is_better) heir = master;
    }
    if (auto done = Replicate(session, id, heir); !done) return done;
    session.Discover();
  }
  return {};
}

// All of them become replicas of the master that the command line names.
Result<void> FollowAll(ClusterSession& session, const Ids& ids, const ToolOptions& options) {
  const std::string master = session.Named(options.replica_of);
  if (master.empty()) return Fail("no node is called " + options.replica_of);
  for (const std::string& id : ids) {
    if (session.View(id).Myself().master_id == master) continue;
    if (auto done = Replicate(session, id, master); !done) return done;
  }
  return session.WaitUntil("the new replicas follow", [&] {
    return session.Agrees() && std::all_of(ids.begin(), ids.end(), [&](const std::string& id) {
             return session.IsReached(id) && FollowsMaster(session, id);
           });
  });
}

}  // namespace

Result<void> AddNodes(ClusterSession& session, const ToolOptions& options) {
  Result<std::string> hub = OpenCluster(session, options);
  if (!hub) return tl::unexpected(hub.error());
  const Ids members = session.Reached();
  Ids ids = {*hub};
  for (std::size_t i = 1; i < options.nodes.size(); ++i) {
    Result<std::string> id = OpenNew(session, members, options.nodes[i]);
    if (!id) return tl::unexpected(id.error());
    if (Holds(members, *id)) {
      Say(options.nodes[i] + " is a member already");
    } else if (auto copied = CopyFunctions(session, *hub, *id); !copied) {
      return copied;
    }
    if (!Holds(ids, *id)) ids.push_back(*id);
  }
  auto met = MeetAll(session, ids);
  if (!met) return tl::unexpected(met.error());
  if (!options.replica_of.empty()) {
    if (auto done = FollowAll(session, Ids(ids.begin() + 1, ids.end()), options); !done)
      return done;
  }
  ShowNodes(session);
  Say("done");
  return {};
}

Result<void> RemoveNodes(ClusterSession& session, const ToolOptions& options) {
  Result<std::string> hub = OpenCluster(session, options);
  if (!hub) return tl::unexpected(hub.error());
  const Ids members = session.Reached();
  Result<Ids> gone = FindGone(session, members, options);
  if (!gone) return tl::unexpected(gone.error());
  if (Holds(*gone, *hub)) return Fail(options.nodes[0] + " is to go: name one that stays first");
  if (gone->empty()) {
    Say("nothing to do");
    return {};
  }
  if (auto checked = CheckNoneOpen(session); !checked) return checked;
  if (auto emptied = EmptyMasters(session, *gone, options.login); !emptied) return emptied;
  if (auto adopted = Adopt(session, *gone); !adopted) return adopted;
  // Replicas before their masters: who follows somebody refuses to forget it.
  std::stable_sort(gone->begin(), gone->end(), [&](const std::string& a, const std::string& b) {
    auto is_replica = [&](const std::string& id) {
      return session.IsReached(id) && !session.View(id).Myself().is_master;
    };
    return is_replica(a) > is_replica(b);
  });
  for (const std::string& id : *gone) {
    if (auto done = Forget(session, id); !done) return done;
  }
  auto agreed = session.WaitUntil("all others have forgotten them", [&] {
    const Ids left = session.Reached();
    return session.Agrees() && std::none_of(left.begin(), left.end(), [&](const std::string& id) {
             return KnowsAnyOf(session.View(id), *gone);
           });
  });
  if (!agreed) return agreed;
  ShowNodes(session);
  Say("done");
  return {};
}

Result<void> RebalanceCluster(ClusterSession& session, const ToolOptions& options) {
  Result<std::string> hub = OpenCluster(session, options);
  if (!hub) return tl::unexpected(hub.error());
  if (auto checked = CheckNoneOpen(session); !checked) return checked;
  if (!session.Merged().CoversAllSlots())
    return Fail("some slots have no owner: run converge first");
  for (const std::string& id : session.Unreached()) {
    if (!session.SlotsOf(id).empty()) return Fail(session.ProblemOf(id));
  }
  std::map<std::string, double> weights;
  for (const auto& [name, weight] : options.weights) {
    const std::string id = session.Named(name);
    if (id.empty() || !Holds(session.Masters(), id)) return Fail("no master is called " + name);
    weights[id] = weight;
  }
  std::vector<SlotShare> shares;
  double sum = 0;
  for (const std::string& id : session.Masters()) {
    const double weight = weights.contains(id) ? weights[id] : 1.0;
    shares.push_back({id, session.SlotsOf(id), weight});
    sum += weight;
  }
  if (sum <= 0) return Fail("every master has the weight 0");
  const std::vector<SlotMove> moves = PlanMoves(shares);
  if (auto moved = MoveSlots(session, moves, options.login); !moved) return moved;
  ShowNodes(session);
  Say(moves.empty() ? "nothing to do: every master has its share" : "done");
  return {};
}

}  // namespace slotway::proxy
