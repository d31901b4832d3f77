// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/keep_plan.h"

#include <algorithm>
#include <set>

namespace slotway::proxy {

KeepPlan PlanKeeping(std::span<const NumberedNode> all, int nodes, int replicas) {
  KeepPlan plan;
  std::vector<const NumberedNode*> staying;
  std::set<std::string> deposed;  // masters with slots that go
  for (const NumberedNode& node : all) {
    if (node.ordinal < nodes) {
      staying.push_back(&node);
      continue;
    }
    plan.leaving.push_back(node.id);
    if (node.slots != 0) deposed.insert(node.id);
  }
  std::sort(staying.begin(), staying.end(), [](const NumberedNode* a, const NumberedNode* b) {
    return a->slots != b->slots ? a->slots > b->slots : a->ordinal < b->ordinal;
  });
  const auto wanted = static_cast<std::size_t>(std::max(1, nodes / (1 + replicas)));
  for (const NumberedNode* node : staying) {
    if (node->slots != 0 && plan.masters.size() < wanted) plan.masters.push_back(node->id);
  }
  for (const NumberedNode* node : staying) {
    if (plan.masters.size() + plan.successors.size() >= wanted) break;
    if (deposed.erase(node->master_id) != 0) plan.successors.push_back(node->id);
  }
  if (!plan.successors.empty()) return plan;
  for (const NumberedNode* node : staying) {
    if (plan.masters.size() >= wanted) break;
    if (node->slots == 0 && node->master_id.empty()) plan.masters.push_back(node->id);
  }
  const std::size_t masters = plan.masters.size();
  if (masters != 0) plan.replicas = (staying.size() - masters + masters - 1) / masters;
  return plan;
}

}  // namespace slotway::proxy
