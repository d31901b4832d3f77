// SPDX-License-Identifier: Apache-2.0
// `slotway cluster`: one run of one of its commands.
//
// Blocks and prints. A command looks at the cluster as it is, plans (pure functions beside this),
// does what is missing, and waits until all nodes have heard.
#pragma once

#include "proxy/cluster_tool/tool_options.h"

namespace slotway::proxy {

// The exit code: 0 all is well, 1 something is not. Errors go to the error output.
int RunClusterTool(const ToolOptions& options);

}  // namespace slotway::proxy
