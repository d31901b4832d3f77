// SPDX-License-Identifier: Apache-2.0
// The commands of `slotway cluster`. Each may be run again and goes on where it was interrupted.
#pragma once

#include "proxy/cluster_tool/cluster_session.h"
#include "proxy/cluster_tool/tool_options.h"
#include "runtime/result.h"

namespace slotway::proxy {

runtime::Result<void> CreateCluster(ClusterSession& session, const ToolOptions& options);
runtime::Result<void> CheckCluster(ClusterSession& session, const ToolOptions& options);
runtime::Result<void> ConvergeCluster(ClusterSession& session, const ToolOptions& options);
runtime::Result<void> AddNodes(ClusterSession& session, const ToolOptions& options);
runtime::Result<void> RemoveNodes(ClusterSession& session, const ToolOptions& options);
runtime::Result<void> RebalanceCluster(ClusterSession& session, const ToolOptions& options);
// keep and lead do not return, unless they were told to look once.
runtime::Result<void> KeepCluster(ClusterSession& session, const ToolOptions& options);
runtime::Result<void> LeaveCluster(ClusterSession& session, const ToolOptions& options);
runtime::Result<void> LeadReplicas(ClusterSession& session, const ToolOptions& options);
runtime::Result<void> CheckHealth(ClusterSession& session, const ToolOptions& options);

}  // namespace slotway::proxy
