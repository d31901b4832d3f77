// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/cluster_health.h"

#include <fmt/core.h>

namespace slotway::proxy {
namespace {

void FindOpenSlots(const ClusterSession& session, std::vector<std::string>& problems) {
  for (const std::string& id : session.Reached()) {
    const NodeView& view = session.View(id);
    std::vector<int> slots;
    for (const auto& [slot, _] : view.migrating_to) slots.push_back(slot);
    for (const auto& [slot, _] : view.importing_from) slots.push_back(slot);
    if (slots.empty()) continue;
    problems.push_back(
        fmt::format("{} has slots on the move: {}", session.NameOf(id), RangesText(slots)));
  }
}

void FindSilent(ClusterSession& session, std::vector<std::string>& problems) {
  for (const std::string& id : session.Unreached()) problems.push_back(session.ProblemOf(id));
  for (const std::string& id : session.Reached()) {
    auto info = session.Client(id).Call({"CLUSTER", "INFO"});
    if (!info) {
      problems.push_back(info.error().text);
    } else if (info->text.find("cluster_state:ok") == std::string::npos) {
      problems.push_back(session.NameOf(id) + " says that the cluster is down");
    }
    if (!session.View(id).Myself().is_master && !FollowsMaster(session, id)) {
      problems.push_back(session.NameOf(id) + " does not follow its master");
    }
  }
}

void FindLonely(const ClusterSession& session, int replicas, std::vector<std::string>& problems) {
  for (const std::string& id : session.Masters()) {
    const std::size_t count = session.ReplicasOf(id).size();
    if (session.SlotsOf(id).empty() || count >= static_cast<std::size_t>(replicas)) continue;
    problems.push_back(
        fmt::format("{} has {} of {} replicas", session.NameOf(id), count, replicas));
  }
}

}  // namespace

bool FollowsMaster(ClusterSession& session, const std::string& replica) {
  auto replication = session.Client(replica).Call({"INFO", "replication"});
  return replication && replication->text.find("master_link_status:up") != std::string::npos;
}

std::string RangesText(const std::vector<int>& slots) {
  std::string text;
  for (std::size_t i = 0; i < slots.size();) {
    std::size_t end = i + 1;
    while (end < slots.size() && slots[end] == slots[end - 1] + 1) ++end;
    if (!text.empty()) text += ' ';
    text += std::to_string(slots[i]);
    if (end - i > 1) text += "-" + std::to_string(slots[end - 1]);
    i = end;
  }
  return text;
}

void ShowNodes(const ClusterSession& session) {
  for (const std::string& id : session.Masters()) {
    const std::vector<int> slots = session.SlotsOf(id);
    Say(fmt::format("{} master {} {} slots{}{}", id, session.NameOf(id), slots.size(),
                    slots.empty() ? "" : ": ", RangesText(slots)));
    for (const std::string& replica : session.ReplicasOf(id)) {
      Say(fmt::format("{} replica {} of {}", replica, session.NameOf(replica), session.NameOf(id)));
    }
  }
  for (const std::string& id : session.Unreached()) {
    Say(fmt::format("{} unreached {}", id, session.NameOf(id)));
  }
}

std::vector<std::string> FindProblems(ClusterSession& session, std::optional<int> replicas) {
  std::vector<std::string> problems;
  FindSilent(session, problems);
  std::vector<int> unowned;
  for (int slot = 0; slot < protocol::kSlotCount; ++slot) {
    if (session.OwnerOf(slot).empty()) unowned.push_back(slot);
  }
  if (!unowned.empty()) problems.push_back("nobody owns slots " + RangesText(unowned));
  FindOpenSlots(session, problems);
  if (!session.Agrees()) problems.push_back("the nodes do not agree on members, roles and slots");
  if (replicas) FindLonely(session, *replicas, problems);
  return problems;
}

}  // namespace slotway::proxy
