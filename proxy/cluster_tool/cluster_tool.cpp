// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/cluster_tool.h"

#include <cstdio>

#include "proxy/cluster_tool/tool_commands.h"

namespace slotway::proxy {
namespace {

using Command = runtime::Result<void> (*)(ClusterSession&, const ToolOptions&);

Command CommandOf(ToolAction action) {
  switch (action) {
    case ToolAction::kCreate:
      return CreateCluster;
    case ToolAction::kConverge:
      return ConvergeCluster;
    case ToolAction::kAdd:
      return AddNodes;
    case ToolAction::kRemove:
      return RemoveNodes;
    case ToolAction::kRebalance:
      return RebalanceCluster;
    case ToolAction::kCheck:
    case ToolAction::kHelp:
      break;
  }
  return CheckCluster;
}

}  // namespace

int RunClusterTool(const ToolOptions& options) {
  ClusterSession session(options.login, options.wait_ms);
  auto done = CommandOf(options.action)(session, options);
  if (done) return 0;
  std::fprintf(stderr, "slotway cluster: %s\n", done.error().text.c_str());
  return 1;
}

}  // namespace slotway::proxy
