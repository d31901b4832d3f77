// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/cluster_tool.h"

#include <csignal>
#include <cstdio>
#include <unistd.h>

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
    case ToolAction::kKeep:
      return KeepCluster;
    case ToolAction::kLeave:
      return LeaveCluster;
    case ToolAction::kLead:
      return LeadReplicas;
    case ToolAction::kHealthcheck:
      return CheckHealth;
    case ToolAction::kCheck:
    case ToolAction::kHelp:
      break;
  }
  return CheckCluster;
}

}  // namespace

int RunClusterTool(const ToolOptions& options) {
  // As the first process of a container it would else not hear of them. It may end at any point.
  for (int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { _exit(0); });
  ClusterSession session(options.login, options.wait_ms);
  auto done = CommandOf(options.action)(session, options);
  if (done) return 0;
  std::fprintf(stderr, "slotway cluster: %s\n", done.error().text.c_str());
  return 1;
}

}  // namespace slotway::proxy
