// SPDX-License-Identifier: Apache-2.0
// create, check and converge.
#include <algorithm>
#include <fmt/core.h>

#include "proxy/cluster_tool/cluster_health.h"
#include "proxy/cluster_tool/membership.h"
#include "proxy/cluster_tool/range_mover.h"
#include "proxy/cluster_tool/slot_fixes.h"
#include "proxy/cluster_tool/tool_commands.h"

namespace slotway::proxy {
namespace {

using runtime::Fail;
using runtime::Result;

constexpr std::size_t kElectingMasters = 3;

// The ids, in the order of the command line.
Result<std::vector<std::string>> OpenAll(ClusterSession& session, const ToolOptions& options) {
  std::vector<std::string> ids;
  for (const std::string& name : options.nodes) {
    Result<std::string> id = session.Open(*protocol::ParseEndpoint(name));
    if (!id) return tl::unexpected(id.error());
    if (std::find(ids.begin(), ids.end(), *id) != ids.end()) return Fail(name + " was named twice");
    ids.push_back(*id);
  }
  session.Discover();
  return ids;
}

// What create and converge have in common, once it is known whom they may touch.
Result<void> Form(ClusterSession& session, const std::vector<std::string>& ids, std::size_t masters,
                  std::optional<int> replicas, const ToolLogin& login) {
  int changes = 0;
  auto count = [&changes](const Result<int>& step) -> Result<void> {
    if (!step) return tl::unexpected(step.error());
    changes += *step;
    return {};
  };
  SlotMover mover(session, login);
  NumberEpochs(session, ids);
  Result<void> done = count(CoverSlots(session, ids, masters));
  if (done) done = count(MeetAll(session, ids));
  if (done) done = count(FixSlots(session, mover));
  if (done && changes != 0) done = session.WaitUntilAgreed();
  if (done && replicas) {
    done = count(AttachReplicas(session, masters, static_cast<std::size_t>(*replicas)));
  }
  if (done) done = WaitUntilWell(session);
  if (!done) return done;
  ShowNodes(session);
  Say(changes == 0 ? "nothing to do: all is well" : "done: all is well");
  return {};
}

}  // namespace

Result<void> CreateCluster(ClusterSession& session, const ToolOptions& options) {
  auto ids = OpenAll(session, options);
  if (!ids) return tl::unexpected(ids.error());
  const auto replicas = static_cast<std::size_t>(options.replicas.value_or(0));
  const std::size_t masters = ids->size() / (1 + replicas);
  if (masters == 0) {
    return Fail(fmt::format("{} nodes are not enough for {} replicas", ids->size(), replicas));
  }
  if (masters < kElectingMasters) Say("note: fewer than three masters cannot elect a new one");
  if (auto checked = CheckOnlyThese(session, *ids); !checked) return checked;
  if (auto checked = CheckOneCluster(session); !checked) return checked;
  return Form(session, *ids, masters, static_cast<int>(replicas), options.login);
}

Result<void> ConvergeCluster(ClusterSession& session, const ToolOptions& options) {
  auto opened = OpenAll(session, options);
  if (!opened) return tl::unexpected(opened.error());
  // What the nodes do by themselves is nothing to be mended.
  if (auto waited = RangeMover(session).WaitForAll(); !waited) return waited;
  session.Discover();
  if (auto checked = CheckOneCluster(session); !checked) return checked;
  std::vector<std::string> ids = session.Reached();
  std::size_t masters = 0;
  for (const std::string& id : ids) masters += session.SlotsOf(id).empty() ? 0 : 1;
  if (options.replicas) {
    masters =
        std::max<std::size_t>(1, ids.size() / (1 + static_cast<std::size_t>(*options.replicas)));
  }
  if (masters == 0) return Fail("no node has slots yet: say --replicas, or use create");
  return Form(session, ids, masters, options.replicas, options.login);
}

Result<void> CheckCluster(ClusterSession& session, const ToolOptions& options) {
  auto opened = OpenAll(session, options);
  if (!opened) return tl::unexpected(opened.error());
  ShowNodes(session);
  const std::vector<std::string> problems = FindProblems(session, options.replicas);
  for (const std::string& problem : problems) Say("problem: " + problem);
  if (!problems.empty()) return Fail(fmt::format("{} problems", problems.size()));
  Say("all is well");
  return {};
}

}  // namespace slotway::proxy
